/** Messages that MLS allows and a chat has no use for, and floods: none stops a client. Twin of test_attacks_commits. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { encodeAad, hashRefs } from "../../protocol/chat/aad.ts";
import { Kind } from "../../protocol/frames.ts";
import { randomBytes } from "../crypto.ts";
import { reinitCommit, sealedCommit } from "../mls/tests/foreign.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import * as chats from "./chats.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as acts from "./talk/acts.ts";

interface Trio {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly mallory: Person;
  readonly gid: Id;
}

const trio = copies(async (): Promise<Trio> => {
  const world = new World();
  const [anna, omar, mallory] = [await world.person("Anna"), await world.person("Omar"), await world.person("Mallory")];
  await anna.meet(omar);
  await anna.meet(mallory);
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, mallory.id]));
  await world.settle();
  return { world, anna, omar, mallory, gid };
});

/** An entry that the operator slips into a mailbox. */
async function slip(who: Person, gid: Id, kind: number, body: Uint8Array): Promise<void> {
  const { epoch } = await who.chat(gid);
  const { mailbox, world } = who;
  const head = { type: "Msg", seq: mailbox.next++, id: randomBytes(16), kind, gid: rows.bytesOf(gid) } as const;
  mailbox.queue.push({ ...head, epoch, ts: world.time, frank: null, via: null, body });
}

const AAD = encodeAad({ type: "CommitAad", added: [], removed: [], rotate: false, refs_hash: hashRefs([]) });

test("a commit that ends the group for another one is refused, and other chats go on", async () => {
  const { world, anna, omar, mallory, gid } = await trio();
  const commit = await mallory.core.step("evil", async (step) =>
    reinitCommit(await step.loadGroup(gid), await step.env(), AAD),
  );
  await slip(omar, gid, Kind.COMMIT, commit);
  await omar.meet(anna);
  const dm = await omar.core.step("say", async (step) => {
    const found = await chats.openDm(step, anna.id);
    await messages.submitText(step, found, "still here");
    await messages.submitText(step, gid, "waits");
    return found;
  });
  await world.settle();
  expect(omar.told.map(({ code }) => code)).toContain("refused-change");
  expect(await anna.texts(dm)).toEqual(["still here"]);
  expect(await anna.texts(gid)).toEqual(["waits"]);
  expect((await omar.chat(gid)).status).toBe("active");
});

/** PrivateMessageContent of a commit with so many Removes, no path, and an empty signature and tag. */
function manyRemoves(count: number): Uint8Array {
  const size = count * 7;
  const head = [0x80 | (size >> 24), (size >> 16) & 255, (size >> 8) & 255, size & 255];
  const removes = Array.from({ length: count }, () => [1, 0, 3, 0, 0, 0, 1]).flat();
  return Uint8Array.from([...head, ...removes, 0, 0, 0]);
}

test.each([1_025, 54_000])("a commit of %i proposals is no commit, and the mailbox goes on", async (count) => {
  const { world, anna, omar, mallory, gid } = await trio();
  const group = await mallory.core.look((look) => look.findGroup(gid));
  if (group === undefined) throw new Error("no group");
  await slip(omar, gid, Kind.COMMIT, await sealedCommit(group, AAD, manyRemoves(count)));
  await anna.core.step("say", (step) => messages.submitText(step, gid, "as ever"));
  await world.settle();
  expect(await omar.texts(gid)).toEqual(["as ever"]);
  expect(omar.told.map(({ code }) => code)).not.toContain("refused-change");
});

test("a commit brought as an application message stays usable", async () => {
  const { world, omar, mallory, gid } = await trio();
  const before = (await omar.chat(gid)).epoch;
  await mallory.core.step("update", (step) => outbox.submitIntent(step, gid, rows.makeIntent("update")));
  mallory.onRequest = ({ frame }) => {
    if (frame.type === "Commit") void slip(omar, gid, Kind.APP, frame.commit);
    return true;
  };
  await world.settle();
  expect(await omar.chat(gid)).toMatchObject({ status: "active", asking: null, epoch: before + 1 });
});

test("a standalone proposal keeps nobody from sending", async () => {
  const { world, anna, omar, mallory, gid } = await trio();
  const proposal = await mallory.core.step("evil", async (step) => {
    const group = await step.loadGroup(gid);
    return (await group.propose(await step.env(), { remove: (await step.chat(gid)).own_leaf })).message;
  });
  await slip(omar, gid, Kind.APP, proposal);
  await slip(omar, gid, Kind.COMMIT, proposal);
  await omar.core.step("say", (step) => messages.submitText(step, gid, "as ever"));
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["as ever"]);
  expect((await omar.chat(gid)).status).toBe("active");
});

test("own messages and later ones brought as commits cost the group nothing", async () => {
  const { world, anna, omar, mallory, gid } = await trio();
  const sent: Uint8Array[] = [];
  omar.onRequest = ({ frame }) => {
    if (frame.type === "Send") sent.push(frame.body);
    return true;
  };
  const id = await anna.core.step("say", (step) => messages.submitText(step, gid, "hello"));
  await world.settle();
  await omar.core.step("react", (step) => acts.react(step, gid, id, "👍"));
  await world.settle();
  expect(sent.length).toBeGreaterThan(0);
  for (const body of sent) await slip(omar, gid, Kind.COMMIT, body);
  const later = await mallory.core.step("evil", async (step) => {
    const made = await (await step.loadGroup(gid)).commit(await step.env());
    return (await made.staged.apply(made.group).encrypt(await step.env(), randomBytes(9))).message;
  });
  await slip(omar, gid, Kind.COMMIT, later);
  await world.settle();
  expect(omar.told.map(({ code }) => code)).not.toContain("refused-change");
  expect((await omar.chat(gid)).status).toBe("active");
});
