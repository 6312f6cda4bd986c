/** What a second browser shows of the time before it, from archives of the first one, and archives that are not ours. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import * as content from "../../protocol/chat/content.ts";
import { encodeFiles } from "../../protocol/chat/files.ts";
import { encodeMentions } from "../../protocol/chat/mentions.ts";
import { type Archive, type ArchivedMessage, encodeArchive, parseArchive } from "../../protocol/history/archive.ts";
import * as chats from "../rules/chats.ts";
import { isGone } from "../rules/expiry/sweep.ts";
import * as messages from "../rules/messages.ts";
import * as acts from "../rules/talk/acts.ts";
import { note } from "../rules/talk/notices.ts";
import * as reading from "../rules/talk/reading.ts";
import * as deadlines from "../state/deadlines.ts";
import * as rows from "../state/rows.ts";
import type { Id, StoredMessage } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import { chatView, messageView } from "../verbs/views.ts";
import { pack } from "./packing.ts";
import { unpack } from "./unpacking.ts";

const HOUR_S = 3600;
const HOUR_MS = HOUR_S * 1000;

const say = (who: Person, gid: Id, text: string, reply = "") =>
  who.core.step("say", (step) => messages.submitText(step, gid, text, reply));

async function packed(who: Person): Promise<Archive[]> {
  const parts: Archive[] = [];
  for await (const part of pack(who.core)) parts.push(parseArchive(part));
  return parts;
}

const take = (who: Person, parts: readonly Archive[]) => who.core.step("history", (step) => unpack(step, parts));

const views = (who: Person, gid: Id) =>
  who.core.look(async (look) => {
    const found = await look.tx.rows("message", rows.bytesOf(gid));
    return Promise.all(found.map(([n, data]) => messageView(look, n, rows.parseMessage(data))));
  });

/** As people see them: without the numbers of rows and what the server had, which are this device's own. */
const shown = async (who: Person, gid: Id) =>
  (await views(who, gid)).map(({ id, text, state, edited, deleted, reactions, files, quote, notice, sender, at }) => ({
    ...(notice === undefined || notice.code === "call" ? { id } : {}),
    ...{ text, state, edited, deleted, reactions: reactions.map(({ emoji }) => emoji), files, quote: quote?.id },
    ...{ notice: notice?.code, sender: sender.account, at },
  }));

interface Met {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly gid: Id;
}

const pair = copies(async (): Promise<Met> => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { world, anna, omar, gid };
});

/** A further device of somebody, in all chats, which has none of what was before. */
async function joined(world: World, first: Person): Promise<Person> {
  const second = await world.device(first);
  await world.settle();
  return second;
}

test("a new device shows texts, edits, deletions, reactions, answers, files and calls as the old one does", async () => {
  const { world, anna, omar, gid } = await pair();
  const first = await say(anna, gid, "frist");
  const second = await say(omar, gid, "second");
  await world.settle();
  await anna.core.step("edit", (step) => acts.edit(step, gid, first, "first"));
  const third = await say(anna, gid, "third", second);
  await world.settle();
  await omar.core.step("react", (step) => acts.react(step, gid, third, "👍"));
  const fourth = await say(omar, gid, "fourth");
  await world.settle();
  await omar.core.step("delete", (step) => acts.deleteForAll(step, gid, fourth));
  const look = { kind: "voice", duration_ms: 900, waveform: Array.from({ length: 64 }, (_, at) => at) } as const;
  const file = { attachment_id: new Uint8Array(16).fill(5), name: "صوت.ogg", content_type: "audio/ogg", size: 9 };
  const keys = { key: new Uint8Array(32), nonce: new Uint8Array(12), sha256: new Uint8Array(32) };
  await omar.core.step("files", async (step) => {
    const marks = { salt: step.rng(16), extensions: messages.extensions(step, gid) };
    const body = encodeFiles({ files: [{ ...file, ...keys }], looks: [look], text: "listen", reply_to: null }, marks);
    await messages.submitContent(step, gid, body, { shown: true });
    const call = new Uint8Array(16).fill(7);
    await messages.submitCallLog(step, gid, { form: "call-log", call, kind: "audio", outcome: "missed", seconds: 0 });
  });
  await world.settle();
  await anna.core.step("read", (step) => reading.markRead(step, gid, second));
  const archive = await packed(anna);
  const phone = await joined(world, anna);
  const counts = await take(phone, archive);
  expect(counts).toEqual({ came: 6, over: 0, strange: 0 });
  const old = (await shown(anna, gid)).filter(({ notice }) => notice === undefined || notice === "call");
  const now = (await shown(phone, gid)).filter(({ notice }) => notice === undefined || notice === "call");
  expect(now).toEqual(old);
  expect(now[4]?.files).toMatchObject([{ name: "صوت.ogg", look: { kind: "voice" } }]);
  const unread = async (who: Person) => (await who.chat(gid)).unread;
  expect(await unread(phone)).toBe(await unread(anna));
  expect(await unread(phone)).toBe(2);
  const first_unread = (who: Person) =>
    who.core.look(async (inside) => (await chatView(inside, await inside.chat(gid))).first_unread);
  expect(await first_unread(phone)).toBe(await first_unread(anna));
  // What the new device does to what it never received counts for everybody.
  await phone.core.step("edit", (step) => acts.edit(step, gid, first, "from the phone"));
  await world.settle();
  expect(await omar.texts(gid)).toContain("from the phone");
  expect(await anna.texts(gid)).toContain("from the phone");
});

test("what was comes before what came since, once, and brings nothing twice", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(anna, gid, "one");
  await say(omar, gid, "two");
  await world.settle();
  const phone = await joined(world, anna);
  await say(omar, gid, "since");
  await world.settle();
  expect(await phone.texts(gid)).toEqual(["since"]);
  const archive = await packed(anna);
  expect(await take(phone, archive)).toMatchObject({ came: 2 });
  expect(await phone.texts(gid)).toEqual(["one", "two", "since"]);
  const before = await phone.lines(gid);
  expect(await take(phone, archive)).toMatchObject({ came: 0, over: 0 });
  expect(await phone.lines(gid)).toEqual(before);
  await phone.restart();
  expect(await phone.texts(gid)).toEqual(["one", "two", "since"]);
  await world.settle();
  expect(await phone.texts(gid)).toEqual(["one", "two", "since"]);
});

test("lines stand where they stood, and only those that an archive knows", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(anna, gid, "before");
  await world.pass(1000);
  await omar.core.step("timer", (step) => chats.setTimer(step, gid, HOUR_S));
  await world.pass(1000);
  await omar.core.step("timer", (step) => chats.setTimer(step, gid, 0));
  await world.pass(1000);
  await say(anna, gid, "after");
  await world.settle();
  const archive = await packed(anna);
  expect(archive.flatMap(({ chats: all }) => all.flatMap(({ notices }) => notices.map(({ code }) => code)))).toEqual([
    "timer",
    "timer",
  ]);
  const phone = await joined(world, anna);
  await take(phone, archive);
  const lines = (await phone.lines(gid)).map(({ text, notice }) => notice?.code ?? text);
  expect(lines.slice(0, 4)).toEqual(["before", "timer", "timer", "after"]);
  const [, timer] = await phone.lines(gid);
  expect(timer?.notice).toMatchObject({ by: omar.id, text: String(HOUR_S) });
});

test("what is over is not carried, nor what ran out on the way; the rest goes at the same moment", async () => {
  const { world, anna, omar, gid } = await pair();
  await omar.core.step("timer", (step) => chats.setTimer(step, gid, HOUR_S));
  await world.settle();
  const gone = await say(omar, gid, "goes first");
  await world.settle();
  await anna.core.step("read", (step) => reading.markRead(step, gid, gone));
  await world.pass(HOUR_MS / 2);
  const runs = await say(omar, gid, "runs");
  await world.settle();
  await anna.core.step("read", (step) => reading.markRead(step, gid, runs));
  const waits = await say(omar, gid, "unread");
  await world.settle();
  const early = await packed(anna);
  const texts = (parts: readonly Archive[]) =>
    parts.flatMap(({ chats: all }) => all.flatMap(({ messages: some }) => some.map(({ text }) => text)));
  expect(texts(early)).toEqual(["goes first", "runs", "unread"]);
  world.time += HOUR_MS * 0.6;
  // Its row is there until somebody sweeps; it does not travel any more.
  expect(texts(await packed(anna))).toEqual(["runs", "unread"]);
  const phone = await joined(world, anna);
  expect(await take(phone, early)).toEqual({ came: 2, over: 1, strange: 0 });
  expect(await phone.texts(gid)).toEqual(["runs", "unread"]);
  expect(await phone.core.look((look) => isGone(look, gone))).toBe(true);
  const deadline = async (who: Person, id: Id) =>
    who.core.look(async (look) => (await rows.findMessage(look.tx, id))?.[1].expires_at);
  expect(await deadline(phone, runs)).toBe(await deadline(anna, runs));
  expect(await deadline(phone, waits)).toBe(0);
  await world.pass(HOUR_MS);
  await phone.core.sweep();
  expect(await phone.texts(gid)).toEqual(["unread"]);
  expect(await take(phone, early)).toEqual({ came: 0, over: 0, strange: 0 });
  expect(await phone.texts(gid)).toEqual(["unread"]);
});

test("a history that comes before its chat is joined stays in it, and says who was mentioned", async () => {
  const { world, anna, omar } = await pair();
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id]));
  await world.settle();
  const range = { start: 0, end: 5, account: rows.bytesOf(anna.id) };
  await say(omar, group, encodeMentions("@Anna, come", [range], omar.profile.server_name));
  await world.settle();
  expect(await anna.chat(group)).toMatchObject({ unread: 1, mentioned: true });
  const archive = await packed(anna);
  const phone = await world.device(anna);
  await phone.core.step("linked", async (step) => {
    const asking = { last_epoch: -1, reason: "linked", asked: [], next_at: step.now + HOUR_MS, heard: false };
    const chat = { ...rows.EMPTY_CHAT, gid: group, kind: 2, title: "Trip", status: "await" as const, asking };
    await rows.saveChat(step.tx, chat);
  });
  expect(await take(phone, archive)).toMatchObject({ came: 1 });
  expect(await phone.chat(group)).toMatchObject({ status: "await", unread: 1 });
  await world.settle();
  expect(await phone.chat(group)).toMatchObject({ status: "active", unread: 1, mentioned: true });
  expect(await phone.texts(group)).toEqual(await anna.texts(group));
});

test("what stands before what was read here begins to disappear", async () => {
  const { world, anna, omar, gid } = await pair();
  const phone = await joined(world, anna);
  const since = await say(omar, gid, "since");
  await world.settle();
  await phone.core.step("read", (step) => reading.markRead(step, gid, since));
  await take(phone, [forged(phone, gid, { account: rows.bytesOf(omar.id), text: "an hour", expire_s: HOUR_S })]);
  const found = await phone.lines(gid);
  const [hour] = found.filter(({ text }) => text === "an hour");
  expect(hour?.expires_at).toBe(world.time + HOUR_MS);
  const running = await phone.core.look((look) => deadlines.allDeadlines(look.tx));
  expect(running.map(({ at }) => at)).toContain(world.time + HOUR_MS);
});

const BLANK: ArchivedMessage = {
  message_id: new Uint8Array(32).fill(9),
  account: new Uint8Array(16),
  device: 1,
  sent: 1,
  arrived: 1,
  state: "received",
  text: "",
  reply_to: new Uint8Array(),
  versions: [],
  deleted_by: new Uint8Array(),
  reactions: [],
  receipts: [],
  kept: new Uint8Array(),
  call: null,
  files: [],
  looks: [],
  expire_s: 0,
  expires_at: 0,
};

test("lines that name more people than a reader takes are cut to the newest", async () => {
  const { world, anna, omar, gid } = await pair();
  const zoya = await world.person("Zoya");
  const had = (await anna.lines(gid)).length;
  await anna.core.step("lines", async (step) => {
    for (let n = had; n < 400; n++) await note(step, gid, "left", { whom: n === 200 ? [omar.id, zoya.id] : [omar.id] });
  });
  const lines = (await packed(anna)).flatMap(({ chats: all }) => all.map(({ notices }) => notices));
  const last = lines.at(-1) ?? [];
  expect(last).toHaveLength(200);
  // The first of them named two: the older of its lines went.
  expect(last.slice(0, 2).map(({ account }) => rows.idOf(account))).toEqual([zoya.id, omar.id]);
});

/** An archive that nobody of ours made, as its bytes would read. */
function forged(who: Person, gid: Id, fields: Partial<ArchivedMessage>): Archive {
  const chat = { gid: rows.bytesOf(gid), read_to: new Uint8Array(), messages: [{ ...BLANK, ...fields }], notices: [] };
  return parseArchive(encodeArchive({ account: rows.bytesOf(who.id), chats: [chat] }));
}

test("parts of another account, and chats that are not ours, bring nothing", async () => {
  const { world, anna, omar, gid } = await pair();
  const phone = await joined(world, anna);
  const others = { ...forged(phone, gid, { text: "x" }), account: rows.bytesOf(omar.id) };
  expect(await take(phone, [others])).toEqual({ came: 0, over: 0, strange: 0 });
  const strange = rows.idOf(new Uint8Array(16).fill(1));
  expect(await take(phone, [forged(phone, strange, { text: "x" })])).toEqual({ came: 0, over: 0, strange: 1 });
  expect(await phone.texts(gid)).toEqual([]);
  expect(await phone.core.look((look) => rows.findChat(look.tx, strange))).toBeUndefined();
});

test("an archive changes nothing of what came from its author, and moves nothing between chats", async () => {
  const { world, anna, omar, gid } = await pair();
  const phone = await joined(world, anna);
  const id = await say(omar, gid, "his words");
  await world.settle();
  const self = (await phone.core.look((look) => rows.allChats(look.tx))).find(({ kind }) => kind === 0)?.gid ?? "";
  const message_id = rows.bytesOf(id);
  await take(phone, [
    forged(phone, gid, { message_id, text: "other words", deleted_by: rows.bytesOf(omar.id) }),
    forged(phone, self, { message_id, text: "other words" }),
  ]);
  expect(await phone.texts(gid)).toEqual(["his words"]);
  expect(await phone.texts(self)).toEqual([]);
});

test("times that no calendar holds and long captions are bounded; a deadline is one span away at most", async () => {
  const { world, anna, gid } = await pair();
  const phone = await joined(world, anna);
  const file = { attachment_id: new Uint8Array(), name: "a", content_type: "b", size: 1 };
  const keys = { key: new Uint8Array(32), nonce: new Uint8Array(12), sha256: new Uint8Array(32) };
  const far = Number.MAX_SAFE_INTEGER;
  const text = "ж".repeat(30_000);
  await take(phone, [
    forged(phone, gid, { text, files: [{ ...file, ...keys }], sent: far, arrived: far, expire_s: 60, expires_at: far }),
  ]);
  const row = (await phone.lines(gid)).find(({ kept }) => kept.length > 0) as StoredMessage;
  expect([row.sent, row.arrived]).toEqual([messages.SENT_MAX_MS, messages.SENT_MAX_MS]);
  expect(row.expires_at).toBe(world.time + 60_000);
  const [view] = (await views(phone, gid)).filter(({ id }) => id === row.message_id);
  expect(view?.files).toMatchObject([{ name: "a" }]);
  expect(view?.text?.length).toBe(16_382);
  expect(content.parseContent(row.kept).extensions.size).toBe(0);
});

test("what waits, failed, was not accepted or is nobody's list stays behind", async () => {
  const { world, anna, gid } = await pair();
  anna.away = true;
  await say(anna, gid, "waits");
  const stranger = await anna.core.step("chat", async (step) => {
    const chat = { ...(await step.chat(gid)), gid: rows.idOf(step.rng(16)), request: "incoming" as const };
    await rows.saveChat(step.tx, chat);
    const row = { ...rows.EMPTY_MESSAGE, message_id: rows.idOf(step.rng(32)), gid: chat.gid, account: chat.peer };
    await step.tx.append(
      "message",
      rows.bytesOf(chat.gid),
      rows.bytesOf(row.message_id),
      rows.encodeRow({ ...row, device: 1, sent: 1, arrived: 1, state: "received", text: "hello" }),
    );
    return chat.gid;
  });
  const archive = await packed(anna);
  const all = archive.flatMap(({ chats: found }) => found);
  expect(all.flatMap(({ messages: some }) => some)).toEqual([]);
  expect(all.some((chat) => rows.idOf(chat.gid) === stranger)).toBe(false);
  anna.away = false;
  await world.settle();
  expect((await packed(anna)).flatMap(({ chats: found }) => found.flatMap((chat) => chat.messages))).toHaveLength(1);
});

test("a long history comes in pieces and parts, the newest chat first, and none is larger than a part", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const self = (await anna.core.look((look) => rows.allChats(look.tx)))[0]?.gid ?? "";
  const text = "z".repeat(60_000);
  await anna.core.step("many", async (step) => {
    for (let n = 0; n < 450; n++) {
      const message_id = rows.idOf(step.rng(32));
      const row = { ...rows.EMPTY_MESSAGE, message_id, gid: self, account: anna.id, device: 1, sent: n, arrived: n };
      const whole = rows.encodeRow({ ...row, state: "sent", text: n < 250 ? text : String(n) });
      await step.tx.append("message", rows.bytesOf(self), rows.bytesOf(message_id), whole);
    }
  });
  const sizes: number[] = [];
  const parts: Archive[] = [];
  for await (const part of pack(anna.core)) {
    sizes.push(part.length);
    parts.push(parseArchive(part));
  }
  expect(sizes.length).toBe(2);
  expect(Math.max(...sizes)).toBeLessThan(13 * 1024 * 1024);
  const found = parts.flatMap(({ chats: all }) => all.flatMap(({ messages: some }) => some));
  expect(found.map(({ sent }) => sent)).toEqual(Array.from({ length: 450 }, (_, n) => n));
  const phone = await joined(world, anna);
  expect(await take(phone, parts)).toMatchObject({ came: 450 });
  expect(await phone.texts(self)).toHaveLength(450);
});
