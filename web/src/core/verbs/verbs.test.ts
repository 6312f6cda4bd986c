/** What a tab sees and does, over a model of the service: lists, pages, replies, reactions, receipts, drafts, people. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { encodeSafetyCode, parseSafetyCode } from "../../protocol/identity/safety.ts";
import * as chats from "../rules/chats.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { tabOf } from "../testing/host.ts";
import { type Person, World } from "../testing/people.ts";

type Tab = ReturnType<typeof tabOf>;

interface Pair {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly a: Tab;
  readonly b: Tab;
  readonly dm: Id;
}

const met = copies(async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const dm = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { world, anna, omar, dm };
});

async function pair(): Promise<Pair> {
  const all = await met();
  return { ...all, a: tabOf(all.anna), b: tabOf(all.omar) };
}

const texts = async (tab: Tab, chat: Id) =>
  (await tab.call.messages({ chat, limit: 50 })).flatMap((m) => (m.text === undefined ? [] : [m.text]));

test("the list shows the newest line, what is unread, drafts, and the words for titles are not made here", async () => {
  const { world, a, b, dm } = await pair();
  await a.call.send({ chat: dm, text: "salam" });
  await world.settle();
  const line = (await b.call.chats()).find((chat) => chat.id === dm);
  expect(line).toMatchObject({
    kind: "dm",
    title: "Anna",
    unread: 1,
    muted: false,
    last: { text: "salam", own: false },
  });
  expect((await b.call.chats()).find((chat) => chat.kind === "self")).toMatchObject({ title: "", unread: 0 });
  await b.call.set_draft({ chat: dm, text: "half a", left: false });
  await b.call.arrange({ chat: dm, act: "mute" });
  expect((await b.call.chats()).find((chat) => chat.id === dm)).toMatchObject({ draft: "half a", muted: true });
  await b.call.send({ chat: dm, text: "whole" });
  expect((await b.call.chats()).find((chat) => chat.id === dm)?.draft).toBeUndefined();
});

test("a reply quotes nothing of another chat: who is in both shows no private words in the group", async () => {
  const { world, anna, omar, a, b, dm } = await pair();
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id]));
  await world.settle();
  const secret = await b.call.send({ chat: dm, text: "between us" });
  await world.settle();
  const reply = await b.call.send({ chat: group, text: "as you said", reply_to: secret });
  await world.settle();
  expect(await texts(a, group)).toEqual(["as you said"]);
  for (const tab of [a, b]) {
    const { message } = await tab.call.message({ chat: group, id: reply });
    expect(message.quote).toEqual({ id: secret, files: [] });
  }
});

test("receipts: sent, delivered, read; off on either side they are neither told nor shown", async () => {
  const { world, omar, a, b, dm } = await pair();
  const id = await a.call.send({ chat: dm, text: "seen?" });
  const state = async () => (await a.call.message({ chat: dm, id })).message.state;
  expect(await state()).toBe("queued");
  await world.settle();
  expect(await state()).toBe("sent");
  await world.pass(2_000);
  expect(await state()).toBe("delivered");
  await b.call.mark_read({ chat: dm, id });
  expect((await b.call.chat({ id: dm })).unread).toBe(0);
  await world.pass(2_000);
  const details = await a.call.message({ chat: dm, id });
  expect(details.message.state).toBe("read");
  expect(details.receipts).toMatchObject([{ person: { account: omar.id, name: "Omar" } }]);
  await b.call.set_settings({ receipts: false });
  const quiet = await a.call.send({ chat: dm, text: "and now?" });
  await world.settle();
  await b.call.mark_read({ chat: dm, id: quiet });
  await world.pass(4_000, 2);
  expect((await a.call.message({ chat: dm, id: quiet })).message.state).toBe("sent");
});

test("reply, reaction, edit, deletion arrive as what they are, and only their authors may", async () => {
  const { world, omar, a, b, dm } = await pair();
  const first = await a.call.send({ chat: dm, text: "tea at five" });
  await world.settle();
  const reply = await b.call.send({ chat: dm, text: "yes", reply_to: first });
  await b.call.react({ chat: dm, id: first, emoji: "👍" });
  await a.call.edit({ chat: dm, id: first, text: "tea at six" });
  await world.settle();
  const [top, answer] = await b.call.messages({ chat: dm, limit: 50 });
  expect(top).toMatchObject({ text: "tea at six", edited: true, reactions: [{ emoji: "👍", own: true }] });
  expect(answer).toMatchObject({ id: reply, quote: { id: first, text: "tea at six" } });
  expect((await a.call.message({ chat: dm, id: first })).versions.map((v) => v.text)).toEqual(["tea at five"]);
  await expect(b.call.edit({ chat: dm, id: first, text: "mine" })).rejects.toThrow("not-permitted");
  await expect(b.call.delete_message({ chat: dm, id: first, for: "all" })).rejects.toThrow("not-permitted");
  await b.call.react({ chat: dm, id: first, emoji: null });
  await a.call.delete_message({ chat: dm, id: first, for: "all" });
  await world.settle();
  const [stub, still] = await b.call.messages({ chat: dm, limit: 50 });
  expect(stub).toMatchObject({ deleted: true, reactions: [] });
  expect(stub?.text).toBeUndefined();
  expect(still?.quote).toEqual({ id: first, files: [] });
  await b.call.delete_message({ chat: dm, id: reply, for: "me" });
  await world.settle();
  expect(await texts(b, dm)).toEqual([]);
  expect(await texts(a, dm)).toEqual(["yes"]);
  expect(omar.told.map((told) => told.code)).not.toContain("bad-message");
});

test("a deleted text that still waits is never sent", async () => {
  const { world, anna, a, b, dm } = await pair();
  anna.away = true;
  const id = await a.call.send({ chat: dm, text: "oops" });
  await a.call.delete_message({ chat: dm, id, for: "all" });
  anna.away = false;
  await world.settle();
  expect([await texts(a, dm), await texts(b, dm)]).toEqual([[], []]);
  expect((await b.call.messages({ chat: dm, limit: 9 })).filter((m) => m.deleted)).toEqual([]);
});

test("a mention is a range over the name, and tells whom it names", async () => {
  const { world, omar, a, b, dm } = await pair();
  await a.call.send({ chat: dm, text: "look, @Omar!", mentions: [{ start: 6, end: 11, account: omar.id }] });
  await world.settle();
  const [message] = await b.call.messages({ chat: dm, limit: 1 });
  expect(message).toMatchObject({ text: "look, @Omar!", mentions: [{ start: 6, end: 11, self: true }] });
  expect((await b.call.chat({ id: dm })).mentioned).toBe(true);
});

test("writing is told while it happens and left out where it is switched off", async () => {
  const { world, a, b, dm } = await pair();
  await a.call.typing({ chat: dm });
  await world.settle();
  await world.settle();
  expect(b.events.filter((event) => event.event === "typing")).toHaveLength(1);
  await b.call.set_settings({ typing: false });
  await world.pass(5_000);
  await a.call.typing({ chat: dm });
  await world.settle();
  await world.settle();
  expect(b.events.filter((event) => event.event === "typing")).toHaveLength(1);
});

test("pages go both ways from any line, oldest first", async () => {
  const { world, a, dm } = await pair();
  const ids: Id[] = [];
  for (let n = 0; n < 30; n++) ids.push(await a.call.send({ chat: dm, text: `line ${n}` }));
  await world.settle();
  const newest = await a.call.messages({ chat: dm, limit: 10 });
  expect(newest.map((m) => m.text)).toEqual(Array.from({ length: 10 }, (_, n) => `line ${n + 20}`));
  const older = await a.call.messages({ chat: dm, before: newest[0]?.n ?? 0, limit: 10 });
  expect(older.map((m) => m.text)).toEqual(Array.from({ length: 10 }, (_, n) => `line ${n + 10}`));
  const later = await a.call.messages({ chat: dm, after: older.at(-1)?.n ?? 0, limit: 3 });
  expect(later.map((m) => m.text)).toEqual(["line 20", "line 21", "line 22"]);
  const around = await a.call.messages({ chat: dm, around: ids[15] ?? "", limit: 6 });
  expect(around.map((m) => m.text)).toEqual(Array.from({ length: 6 }, (_, n) => `line ${n + 13}`));
  await expect(a.call.messages({ chat: "AAAAAAAAAAAAAAAAAAAAAA", limit: 1 })).rejects.toThrow("unknown-chat");
});

test("safety numbers are equal on both sides; a scanned code tells same, different, another epoch and nonsense", async () => {
  const { world, anna, omar, a, b } = await pair();
  const [mine, theirs] = [await a.call.contact({ account: omar.id }), await b.call.contact({ account: anna.id })];
  expect(mine.safety_number).toBe(theirs.safety_number);
  expect(mine.safety_number).toMatch(/^(\d{5} ){11}\d{5}$/);
  const check = (text: string) => a.call.check_safety({ account: omar.id, text });
  expect(await check(theirs.safety_qr)).toBe("same");
  const code = parseSafetyCode(theirs.safety_qr);
  expect(await check(encodeSafetyCode({ ...code, epoch: code.epoch + 1 }))).toBe("other-epoch");
  expect(await check(encodeSafetyCode({ ...code, own: code.other }))).toBe("different");
  const flipped = code.epoch_authenticator.map((byte) => byte ^ 1);
  expect(await check(encodeSafetyCode({ ...code, epoch_authenticator: flipped }))).toBe("different");
  expect(await check("https://example.com")).toBe("not-a-code");
  await a.call.set_verified({ account: omar.id, verified: true });
  await world.settle();
  expect((await a.call.contacts()).map((c) => c.verified)).toEqual([true]);
});

test("once the verified key is another one, sending waits for a decision", async () => {
  const { world, anna, omar, a, b, dm } = await pair();
  await a.call.set_verified({ account: omar.id, verified: true });
  // As after a rotation: the key compared is not the key of now.
  await anna.core.step("rotated", async (step) => {
    const { change } = await import("../state/accounts.ts");
    await change(step, omar.id, { verified_pub: new Uint8Array(32) });
  });
  expect((await a.call.chat({ id: dm })).key_changed).toBe(true);
  await a.call.send({ chat: dm, text: "held back" });
  await world.settle();
  expect(await texts(b, dm)).toEqual([]);
  await a.call.set_verified({ account: omar.id, verified: false });
  await world.settle();
  expect(await texts(b, dm)).toEqual(["held back"]);
});

test("nothing but plain values crosses to a tab, and no member is named like a key", async () => {
  const { world, omar, a, b, dm } = await pair();
  const id = await a.call.send({ chat: dm, text: "salam" });
  await world.settle();
  const told = [
    await b.call.chats(),
    await b.call.chat({ id: dm }),
    await b.call.messages({ chat: dm, limit: 9 }),
    await b.call.message({ chat: dm, id }),
    await b.call.contacts(),
    await a.call.contact({ account: omar.id }),
    await b.call.settings(),
    b.events,
  ];
  const seen: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value));
    for (const [name, inner] of Object.entries(value)) {
      seen.push(name);
      walk(inner);
    }
  };
  walk(told);
  expect(seen.filter((name) => /token|seed|secret|private|ratchet|^gs$|key_package/.test(name))).toEqual([]);
  expect(b.events.map((event) => event.event)).toEqual(
    expect.arrayContaining(["chats", "chat", "messages", "incoming"]),
  );
});
