/** Contact tokens that ended: whoever holds one reaches its owner all the same. Twin of tests/client/test_lost_tokens. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { encodeFiles } from "../../protocol/chat/files.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as readd from "../rules/readd.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { type Person, World } from "../testing/people.ts";
import { talkVerbs } from "../verbs/talk.ts";
import type { Host } from "../verbs/handlers.ts";
import { block, unblock } from "./blocking.ts";
import { strangerVerbs } from "./strangers.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));
const hostOf = (who: Person) => ({ core: () => who.core, wake: () => undefined }) as unknown as Host;
const list = (who: Person) => talkVerbs(hostOf(who)).chats();
const tokenOf = (who: Person, of: Person) =>
  who.core.look(async (look) => rows.idOf((await accounts.known(look, of.id)).contact_token));

/** Anna and Boris, who wrote to each other; Boris's device then lost the chat, and knows a token that ended. */
async function lost(): Promise<{ world: World; anna: Person; boris: Person; gid: Id }> {
  const world = new World();
  const anna = await world.person("Anna");
  const boris = await world.person("Boris");
  await anna.meet(boris);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, boris.id));
  await world.settle();
  await say(anna, gid, "salam");
  await say(boris, gid, "hello");
  await world.settle();
  world.service.ended.add(await tokenOf(boris, anna));
  await boris.core.step("lose", (step) => readd.lose(step, gid, "restored"));
  return { world, anna, boris, gid };
}

test("who lost the chat, and whose token ended, is let in again by whoever knows him", async () => {
  const { world, anna, boris, gid } = await lost();
  await say(boris, gid, "here again");
  await world.settle();
  await world.pass(60_000, 2);
  expect(await anna.texts(await anna.dmWith(boris))).toContain("here again");
  await say(anna, await anna.dmWith(boris), "welcome back");
  await world.settle();
  expect(await boris.texts(await boris.dmWith(anna))).toContain("welcome back");
  for (const who of [anna, boris]) expect((await list(who)).filter(({ kind }) => kind === "dm")).toHaveLength(1);
});

test("a blocked one is not let in, sees nothing but silence, and learns the token when unblocked", async () => {
  const { world, anna, boris, gid } = await lost();
  await anna.core.step("block", (step) => block(step, boris.id));
  await say(boris, gid, "while blocked");
  await world.settle();
  await world.pass(2 * readd.ROUND_MS, 4);
  expect(await anna.texts(gid)).not.toContain("while blocked");
  expect((await list(boris)).filter(({ kind }) => kind === "dm")).toHaveLength(1);
  expect((await boris.core.look((look) => rows.allChats(look.tx))).filter(({ peer }) => peer !== "")).toHaveLength(2);
  await anna.core.step("unblock", (step) => unblock(step, boris.id));
  await world.settle();
  // Its one request was shut out, and nothing else would ever bring it back.
  expect(await anna.texts(gid)).toEqual(["salam", "hello", "while blocked"]);
});

test("whoever is unblocked is told the new token before anybody writes", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const boris = await world.person("Boris");
  await anna.meet(boris);
  await anna.core.step("dm", (step) => chats.openDm(step, boris.id));
  await world.settle();
  await anna.core.step("block", (step) => block(step, boris.id));
  await world.settle();
  const own = () => anna.core.look((look) => Promise.resolve(rows.idOf(look.profile.profile_token)));
  expect(await tokenOf(boris, anna)).not.toBe(await own());
  await anna.core.step("unblock", (step) => unblock(step, boris.id));
  await world.settle();
  expect(await tokenOf(boris, anna)).toBe(await own());
});

/** A message with a file that is at the server already. */
const sendFile = (who: Person, gid: Id, text: string) =>
  who.core.step("file", async (step) => {
    const keys = { key: new Uint8Array(32), nonce: new Uint8Array(12), sha256: new Uint8Array(32) };
    const file = { attachment_id: new Uint8Array(16), name: "a.txt", content_type: "text/plain", size: 5, ...keys };
    const marks = { salt: step.rng(16), extensions: messages.extensions(step, gid) };
    const body = encodeFiles({ files: [file], looks: [], text, reply_to: null }, marks);
    const message_id = await messages.submitContent(step, gid, body, { shown: true });
    const { account_id: account, device_id: device } = step.profile;
    const row = { ...rows.EMPTY_MESSAGE, message_id, gid, account, device, sent: step.now, text };
    await messages.show(step, { ...row, state: "queued" });
  });

test.each(["long", "wide", "file"])(
  "a first message that fits into no request (%s) waits for the yes",
  async (first) => {
    const world = new World();
    const anna = await world.person("Anna");
    const boris = await world.person("Boris");
    await boris.meet(anna);
    world.service.ended.add(await tokenOf(boris, anna));
    const gid = await boris.core.step("dm", (step) => chats.openDm(step, anna.id));
    const text = "x".repeat(first === "long" ? 6000 : first === "wide" ? 2100 : 3);
    await (first === "file" ? sendFile : say)(boris, gid, text);
    await say(boris, gid, "second");
    await world.settle();
    // The server drops what is longer and says OK, and Anna takes a text alone: neither may be called sent.
    expect((await boris.lines(gid)).map(({ state }) => state)).toEqual(["queued", "queued"]);
    expect((await list(boris)).find(({ id }) => id === gid)?.pending).toBe(true);
    const verbs = { ...strangerVerbs(hostOf(anna)), ...talkVerbs(hostOf(anna)) };
    expect(await verbs.request_count()).toBe(1);
    const [waiting] = await verbs.requests();
    expect(waiting).toMatchObject({ account: boris.id, name: "Boris", text: "" });
    await verbs.answer_request({ id: waiting?.id ?? "", answer: "accept" });
    await world.settle();
    const came = (await anna.lines(gid)).filter(({ notice }) => notice === null);
    expect(came.map(({ text: said, kept }) => (kept.length > 0 ? "a file" : said))).toEqual([
      first === "file" ? "a file" : text,
      "second",
    ]);
    expect((await boris.lines(gid)).map(({ state }) => state)).not.toContain("queued");
  },
);
