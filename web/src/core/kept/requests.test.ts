/** Requests of strangers and people who are blocked: what outlives this browser says nothing for them. */
import "fake-indexeddb/auto";
import { beforeEach, expect, test } from "vitest";
import { encodeBackup, parseBackup } from "../../protocol/identity/backup.ts";
import * as chats from "../rules/chats.ts";
import * as readd from "../rules/readd.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { tabOf } from "../testing/host.ts";
import { type Person, World } from "../testing/people.ts";
import { writeArchive } from "./archive.ts";
import { collect, digestOf, findWant, move, takeStored } from "./backup.ts";
import { askForChats, fill } from "./restored.ts";
import { changeRecovery, loadRecovery } from "./state.ts";
import type { ArchiveWords } from "./view.ts";

const scene = copies(async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const dm = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await tabOf(anna).call.send({ chat: dm, text: "a word in a request" });
  await world.settle();
  return { world, anna, omar, dm };
});

let held: Awaited<ReturnType<typeof scene>>;
beforeEach(async () => {
  held = await scene();
});

const backupOf = () => held.anna.core.look((look) => collect(look, new Uint8Array(32)));

test("a request is not in the backup: brought back it would be a chat that nobody accepted, and ask its sender", async () => {
  const { anna, dm, omar } = held;
  expect((await backupOf()).chats).toHaveLength(2);
  await anna.core.step("request", async (step) => {
    await step.changeChat(dm, { request: "incoming" });
    await accounts.change(step, omar.id, { contact: false });
  });
  const { chats: kept, people } = await backupOf();
  expect(kept.map(({ kind }) => kind)).toEqual([0]);
  expect(people).toEqual([]);
});

test("who is blocked is told as blocked, and is not asked for the chat with them", async () => {
  const { anna, omar } = held;
  expect((await backupOf()).people).toHaveLength(1);
  await anna.core.step("block", (step) => accounts.change(step, omar.id, { blocked: true, blocked_at: 1 }));
  const { chats: kept, blocked } = await backupOf();
  expect(kept.map(({ kind }) => kind)).toEqual([0]);
  expect(blocked).toEqual([[rows.bytesOf(omar.id), true, 1]]);
});

test("who is blocked stays so after a restore, and is asked for nothing", async () => {
  const { anna, omar, dm } = held;
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id]));
  await anna.world.settle();
  await anna.core.step("block", (step) => accounts.change(step, omar.id, { blocked: true, blocked_at: 7 }));
  const stored = parseBackup(encodeBackup(await backupOf()));
  const back = await anna.world.person("Anna again");
  await back.core.step("fill", async (step) => {
    const { list_object } = await accounts.known(step, back.id);
    const own = rows.bytesOf(back.id);
    await fill(step, { key: new Uint8Array(20), version: 1, held: { ...stored, account_id: own } }, [list_object]);
    await askForChats(step, stored, false);
  });
  const told = await back.core.look(async (look) => {
    const { blocked, blocked_at } = await accounts.known(look, omar.id);
    return { blocked, blocked_at, here: (await rows.allChats(look.tx)).map(({ gid }) => gid) };
  });
  expect(told).toMatchObject({ blocked: true, blocked_at: 7 });
  expect(told.here).toContain(group);
  expect(told.here).not.toContain(dm);
  await back.core.step("turn", (step) => readd.takeTurns(step));
  expect(await back.core.look(async (look) => (await rows.items(look.tx)).length)).toBe(0);
});

test("an export holds the chats that show, and no request", async () => {
  const { anna, dm } = held;
  const written = async (): Promise<string> => (await writeArchive(anna.core, "json", {} as ArchiveWords)).text();
  expect(await written()).toContain("a word in a request");
  await anna.core.step("request", (step) => step.changeChat(dm, { request: "incoming" }));
  expect(await written()).not.toContain("a word in a request");
  await anna.core.step("quiet", (step) => step.changeChat(dm, { request: "", quiet: true }));
  expect(await written()).not.toContain("a word in a request");
});

test("an export holds nothing that is over, though the sweep comes a moment later", async () => {
  const { anna, dm } = held;
  const { call } = tabOf(anna);
  await call.set_timer({ chat: dm, seconds: 60 });
  await anna.world.settle();
  await call.send({ chat: dm, text: "a word that goes" });
  await anna.world.settle();
  anna.world.time += 61_000;
  const text = await (await writeArchive(anna.core, "json", {} as ArchiveWords)).text();
  expect(text).not.toContain("a word that goes");
});

test("a server that went back gets the backup again, at a moment of a day that it does not choose", async () => {
  const world = new World();
  const [anna, omar] = [await world.person("Anna"), await world.person("Omar")];
  const wanted = (who: Person) => who.core.look((look) => findWant(look));
  /** The server holds what it should. */
  const stored = (who: Person) =>
    who.core.step("stored", async (step) => {
      const digest = digestOf(await collect(step, new Uint8Array(32)));
      await changeRecovery(step.tx, { digest, stored_at: step.now, version: 1 });
    });
  await anna.core.step("key", (step) => move(step, "show"));
  await world.settle();
  await stored(anna);
  for (const who of [anna, omar]) {
    who.mailbox.next += 2 ** 20;
    await who.restart();
  }
  await world.settle();
  // At once it would tell the server whose the backup is.
  expect([await wanted(anna), await wanted(omar)]).toEqual([undefined, undefined]);
  const { again_at } = await anna.core.look((look) => loadRecovery(look.tx));
  expect(again_at).toBeGreaterThan(world.time);
  expect(again_at).toBeLessThanOrEqual(world.time + 86_400_000);

  // It goes back once more meanwhile: the moment stays.
  anna.mailbox.next += 2 ** 20;
  await anna.restart();
  await world.settle();
  expect((await anna.core.look((look) => loadRecovery(look.tx))).again_at).toBe(again_at);
  world.time = again_at;
  expect([(await wanted(anna))?.want, await wanted(omar)]).toEqual(["backup", undefined]);
  await anna.core.step("stored", async (step) => {
    const { key, digest } = await loadRecovery(step.tx);
    const none = new Uint8Array();
    const request = { auth_pub: none, version: 2, blob: none, sig: none };
    await takeStored(step, { want: "backup", key }, { locator: none, request, digest });
  });
  expect(await wanted(anna)).toBeUndefined();
  world.time += 86_400_000;
  expect(await wanted(anna)).toBeUndefined();
});
