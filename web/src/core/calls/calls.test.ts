/** Call signals between cores, what a hostile server gets of them, and the port to the call worker. */
import "fake-indexeddb/auto";
import { afterEach, expect, test } from "vitest";
import type { Value } from "../../protocol/cbor.ts";
import { Malformed } from "../../protocol/errors.ts";
import { EPHEMERAL, Kind, type Send, WAKE } from "../../protocol/frames.ts";
import { randomBytes } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as readd from "../rules/readd.ts";
import * as acts from "../rules/talk/acts.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { CallEpoch, CallNews, Signal } from "../state/step.ts";
import { copies } from "../testing/copies.ts";
import { tabOf } from "../testing/host.ts";
import { type Person, World } from "../testing/people.ts";
import { CallDoor, WAITING_MAX } from "./door.ts";
import { CorePort, type HeardSignal, type News } from "./port.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, at) => 100 + at);
const CALL = new Uint8Array(16).fill(1);
const fieldsOf = (fields: Record<string, Value>) => new Map<string, Value>(Object.entries(fields));
const RING = fieldsOf({ v: 1, t: "ring", c: CALL, secret: SECRET, kind: "audio", suite: 4 });
const GOT = fieldsOf({ v: 1, t: "got", c: CALL, to: 2, pc: 1 });
const DURABLE = { ttlS: 60, wake: true };
const EPHEMERAL_COURSE = { ttlS: 0, wake: false };

interface Trio {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly mila: Person;
  readonly gid: Id;
}

const trio = copies(async (): Promise<Trio> => {
  const world = new World();
  const [anna, omar, mila] = [await world.person("Anna"), await world.person("Omar"), await world.person("Mila")];
  await anna.meet(omar);
  await anna.meet(mila);
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, mila.id]));
  await world.settle();
  return { world, anna, omar, mila, gid };
});

function listen({ core }: Person): { readonly signals: Signal[]; readonly epochs: CallEpoch[] } {
  const heard = { signals: [] as Signal[], epochs: [] as CallEpoch[] };
  core.onCall = (news) => ("fields" in news ? heard.signals.push(news) : heard.epochs.push(news));
  return heard;
}

async function seal(who: Person, gid: Id, fields = RING, course = DURABLE): Promise<Send> {
  const request = await who.core.sealSignal(gid, fields, course);
  if (request === undefined) throw new Error("not sealed");
  return request;
}

/** The server hands a message out on the quick way. */
async function asEphemeral(who: Person, gid: Id, { body }: Send, epoch?: number): Promise<void> {
  const eph = { type: "Eph", gid: rows.bytesOf(gid), epoch: epoch ?? (await who.chat(gid)).epoch, body } as const;
  await who.core.takeEphemeral([{ ...eph, ts: who.world.time }]);
}

/** The server puts a message into the mailbox. */
async function asDurable(who: Person, gid: Id, { body }: Send, ts = who.world.time): Promise<void> {
  const { mailbox, world } = who;
  const { epoch } = await who.chat(gid);
  const head = { type: "Msg", seq: mailbox.next++, id: randomBytes(16), kind: Kind.APP } as const;
  mailbox.queue.push({ ...head, gid: rows.bytesOf(gid), epoch, ts, frank: null, via: null, body });
  await world.settle();
}

test("a ring is heard by every other device in its place, and nothing of it is kept or shown", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const laptop = await world.device(anna);
  await world.settle();
  const heard = new Map([anna, laptop, omar, mila].map((who) => [who, listen(who)]));
  const sent = await seal(anna, gid);
  expect([sent.flags, sent.ttl]).toEqual([WAKE, 60]);
  world.service.take(sent);
  await world.settle();
  expect(heard.get(anna)?.signals).toEqual([]);
  for (const who of [laptop, omar, mila]) {
    const { own_leaf: leaf, epoch } = await anna.chat(gid);
    const ts = world.time;
    expect(heard.get(who)?.signals).toEqual([{ gid, leaf, account: anna.id, device: 1, ts, epoch, fields: RING }]);
    expect(await who.texts(gid)).toEqual([]);
    expect((await who.chat(gid)).unread).toBe(0);
    await who.core.look(async ({ tx }) => {
      expect(await tx.count("outbox")).toBe(0);
      const kept = await Promise.all((["meta", "known", "chat", "account"] as const).map((table) => tx.scan(table)));
      const lines = (await tx.rows("message")).map(([, data]) => data);
      for (const data of [...kept.flat(), ...lines])
        expect(Buffer.from(data).includes(Buffer.from(SECRET))).toBe(false);
    });
  }
});

test("a replay on either way is heard once, and an ephemeral one only by who is there", async () => {
  const { omar, mila, gid } = await trio();
  const { signals } = listen(mila);
  const [ring, got] = [await seal(omar, gid), await seal(omar, gid, GOT, EPHEMERAL_COURSE)];
  expect([got.flags, got.ttl]).toEqual([EPHEMERAL, 0]);
  for (let round = 0; round < 2; round++) {
    await asEphemeral(mila, gid, ring);
    await asDurable(mila, gid, ring);
    await asDurable(mila, gid, got);
    await asEphemeral(mila, gid, got);
  }
  expect(signals.map(({ fields }) => fields)).toEqual([RING, GOT]);
});

test("a signal of another group, a later epoch or without a date is not heard; one of the epoch before is", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const { signals } = listen(mila);
  const ring = await seal(omar, gid);
  await mila.meet(omar);
  const dm = await mila.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await asEphemeral(mila, dm, ring);
  const { epoch } = await mila.chat(gid);
  await asEphemeral(mila, gid, ring, epoch + 1);
  expect(signals).toEqual([]);
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Tour"));
  await world.settle();
  await asEphemeral(mila, gid, ring, epoch);
  expect(signals.map((one) => one.epoch)).toEqual([epoch]);
  await asDurable(mila, gid, await seal(omar, gid), 0);
  expect(signals).toHaveLength(1);
});

test("nobody hears who was removed, and who follows no group says nothing in it", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const [ring, got] = [await seal(mila, gid), await seal(mila, gid, GOT, EPHEMERAL_COURSE)];
  const { epoch } = await omar.chat(gid);
  const here = listen(omar);
  const gone = listen(mila);
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, mila.id));
  await world.settle();
  await asDurable(omar, gid, ring);
  await asEphemeral(omar, gid, got, epoch);
  expect(here.signals).toEqual([]);
  expect(here.epochs).toEqual([{ gid, epoch: epoch + 1, removed: true }]);
  expect(gone.epochs.map(({ removed }) => removed)).toEqual([true]);
  expect(await mila.core.sealSignal(gid, RING, DURABLE)).toBeUndefined();
  await expect(mila.core.callKeys(gid, new Uint8Array(48))).rejects.toThrow("not-a-member");
  await omar.core.step("lose", (step) => readd.lose(step, gid, "asked"));
  expect(await omar.core.sealSignal(gid, RING, DURABLE)).toBeUndefined();
  await expect(omar.core.sendToken(gid)).rejects.toThrow("chat-stuck");
});

test("where only admins write a member rings nobody and answers", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const [ring, quick] = [await seal(mila, gid), await seal(mila, gid, RING, EPHEMERAL_COURSE)];
  const perms = { send: 1 };
  for (const who of [anna, omar]) await who.core.step("perms", (step) => step.changeChat(gid, { perms }));
  const { signals } = listen(omar);
  await asDurable(omar, gid, ring);
  await asEphemeral(omar, gid, quick);
  expect(signals).toEqual([]);
  for (const sent of [await seal(anna, gid), await seal(mila, gid, GOT)]) world.service.take(sent);
  await world.settle();
  expect(signals.map(({ fields }) => fields.get("t"))).toEqual(["ring", "got"]);
  await mila.core.step("perms", (step) => step.changeChat(gid, { perms }));
  expect(await mila.core.sealSignal(gid, RING, DURABLE)).toBeUndefined();
  expect(await mila.core.sealSignal(gid, GOT, DURABLE)).toBeDefined();
});

test.each(["incoming", "outgoing", "quiet", "blocked"] as const)("nobody rings where a chat is %s", async (why) => {
  const { omar, mila, gid } = await trio();
  const [ring, quick] = [await seal(mila, gid), await seal(mila, gid, RING, EPHEMERAL_COURSE)];
  const { signals } = listen(omar);
  await omar.core.step("change", async (step) => {
    if (why === "blocked") await accounts.change(step, mila.id, { blocked: true, blocked_at: 1 });
    else await step.changeChat(gid, why === "quiet" ? { quiet: true } : { request: why });
  });
  await asDurable(omar, gid, ring);
  await asEphemeral(omar, gid, quick);
  expect(signals).toEqual([]);
});

test("all devices derive one key for each call and epoch, and each new epoch is told", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const context = Uint8Array.from([...CALL, ...SECRET]);
  const { epochs } = listen(omar);
  const keys = await Promise.all([anna, omar, mila].map((who) => who.core.callKeys(gid, context)));
  expect(new Set(keys.map(({ baseKey }) => rows.idOf(baseKey))).size).toBe(1);
  expect(keys[0]?.baseKey.length).toBe(16);
  expect(new Set(keys.map(({ leaf }) => leaf)).size).toBe(3);
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Tour"));
  await world.settle();
  const later = await omar.core.callKeys(gid, context);
  expect(epochs).toEqual([{ gid, epoch: later.epoch, removed: false }]);
  expect(later.baseKey).not.toEqual(keys[0]?.baseKey);
  expect((await omar.core.sendToken(gid)).token).toEqual((await mila.core.sendToken(gid)).token);
});

test("what no server takes is not sealed, and the longest signal fits a record", async () => {
  const { omar, gid } = await trio();
  const long = (size: number) => fieldsOf({ t: "desc", sdp: "x".repeat(size) });
  for (const size of [3_600, 5_000]) {
    await expect(omar.core.sealSignal(gid, long(size), EPHEMERAL_COURSE)).rejects.toThrow(Malformed);
  }
  for (const course of [
    { ttlS: 121, wake: false },
    { ttlS: -1, wake: false },
    { ttlS: 0, wake: true },
  ]) {
    await expect(omar.core.sealSignal(gid, RING, course)).rejects.toThrow("wrong-call");
  }
  expect((await seal(omar, gid, long(2_900), EPHEMERAL_COURSE)).body.length).toBeLessThan(4_096);
});

test("the age is the server's, whatever the clock of this device says", async () => {
  const { world, omar, gid } = await trio();
  const signal: Signal = { gid, leaf: 0, account: "", device: 1, ts: 1_000_000, epoch: 0, fields: RING };
  await omar.core.takeReady({
    type: "Ready",
    now: 1_000_000,
    head: 0,
    queued: 0,
    list_seq: 0,
    min_client: 0,
    acked: 0,
  });
  expect(omar.core.ageOf(signal)).toBeLessThan(5_000);
  world.time += 50_000;
  expect(omar.core.ageOf(signal)).toBeGreaterThanOrEqual(50_000);
  world.time -= 3_600_000;
  expect(omar.core.ageOf(signal)).toBeLessThan(5_000);
  expect(omar.core.ageOf({ ...signal, ts: 2_000_000 })).toBe(0);
});

test("the log of a call is a line on every device; a missed one is unread, and nobody changes it", async () => {
  const { world, anna, omar, mila, gid } = await trio();
  const log = { form: "call-log", call: CALL, kind: "video", seconds: 0 } as const;
  await anna.core.submitCallLog(gid, { ...log, outcome: "answered", seconds: 65 });
  const missed = await anna.core.submitCallLog(gid, { ...log, outcome: "missed" });
  await world.settle();
  const tab = tabOf(omar);
  const [first, second] = (await tab.call.messages({ chat: gid, limit: 9 })).filter(({ notice }) => notice?.call);
  expect(first?.notice).toMatchObject({ code: "call", by: { name: "Anna" }, call: { kind: "video", seconds: 65 } });
  expect(second).toMatchObject({ id: missed, own: false, notice: { call: { outcome: "missed" } } });
  expect(second?.may).toEqual({ edit: false, delete_for_all: false, react: false, reply: false, report: false });
  expect((await tab.call.chats()).find(({ id }) => id === gid)).toMatchObject({
    unread: 1,
    last: { notice: { call: { outcome: "missed" } } },
  });
  expect((await mila.chat(gid)).unread).toBe(1);
  await expect(anna.core.step("retry", (step) => acts.retry(step, gid, missed))).rejects.toThrow("not-permitted");
  const target = rows.bytesOf(missed);
  await anna.core.step("edit", (step) =>
    messages.submitForm(step, gid, { form: "edit", target, text: "never", reply_to: null }),
  );
  await world.settle();
  expect((await omar.lines(gid)).find((line) => line.message_id === missed)).toMatchObject({ text: "", versions: [] });
  await tab.call.mark_read({ chat: gid, id: missed });
  expect((await omar.chat(gid)).unread).toBe(0);
});

test("the record of a call lives until it is dropped, sealed with the store", async () => {
  const { omar } = await trio();
  expect(await omar.core.keptCall()).toBeUndefined();
  await omar.core.keepCall(SECRET);
  await omar.restart();
  expect(await omar.core.keptCall()).toEqual(SECRET);
  await omar.core.keepCall(null);
  expect(await omar.core.keptCall()).toBeUndefined();
});

// -- the port
const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

function channel(): MessageChannel {
  const made = new MessageChannel();
  ports.push(made.port1, made.port2);
  return made;
}

function doorOf(person: Person) {
  const tab = tabOf(person);
  const door = new CallDoor(tab.host);
  door.listen(person.core);
  return { ...tab, door };
}

test("over the port a call worker rings, hears, derives keys, keeps its record and writes the log", async () => {
  const { world, anna, omar, gid } = await trio();
  const [here, there] = [doorOf(anna), doorOf(omar)];
  const [a, b] = [channel(), channel()];
  here.door.open(a.port1);
  there.door.open(b.port1);
  const [mine, theirs] = [new CorePort(a.port2), new CorePort(b.port2)];
  const id = rows.bytesOf(gid);
  await theirs.ask("watch", { gids: [id] });
  const news = theirs.news();
  expect(await mine.ask("send", { gid: id, fields: RING, ...DURABLE })).toBe(true);
  await world.settle();
  const ring = (await news.next()).value as HeardSignal;
  expect(ring).toMatchObject({ news: "signal", account: rows.bytesOf(anna.id), device: 1, fields: RING });
  expect(ring.ageMs).toBeLessThan(45_000);
  const context = Uint8Array.from([...CALL, ...SECRET]);
  const [one, other] = [await mine.ask("keys", { gid: id, context }), await theirs.ask("keys", { gid: id, context })];
  expect([one.baseKey, one.leaf]).toEqual([other.baseKey, ring.leaf]);
  expect(one.members).toEqual(other.members);
  expect(await mine.ask("token", { gid: id })).toEqual(await theirs.ask("token", { gid: id }));
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Tour"));
  await world.settle();
  expect((await news.next()).value).toMatchObject({ news: "epoch", gid: id, removed: false });
  await mine.ask("keep", { record: SECRET });
  expect([await mine.ask("kept", {}), await theirs.ask("kept", {})]).toEqual([SECRET, null]);
  await mine.ask("log", { gid: id, call: CALL, kind: "audio", outcome: "failed", seconds: 0 });
  await world.settle();
  expect((await omar.lines(gid)).at(-1)?.notice?.call).toMatchObject({ outcome: "failed" });
  await expect(mine.ask("keys", { gid: id, context: CALL })).rejects.toMatchObject({ failure: { code: "wrong-call" } });
});

test("without a call worker the newest signals wait for one, and tabs are told only where", async () => {
  const { anna, omar, gid } = await trio();
  const { door, events } = doorOf(omar);
  const flood: CallNews[] = Array.from({ length: WAITING_MAX + 9 }, (_, at) => {
    const fields = fieldsOf({ t: "ring", n: at });
    return { gid, leaf: 0, account: anna.id, device: 1, ts: 1, epoch: 1, fields };
  });
  for (const one of flood) omar.core.onCall?.(one);
  expect(events[0]).toEqual({ event: "calling", chat: gid });
  const { port1, port2 } = channel();
  door.open(port1);
  const found = await new CorePort(port2).ask("take", {});
  expect(found).toHaveLength(WAITING_MAX);
  expect((found[0] as HeardSignal).fields.get("n")).toBe(9);
});

test("a flood of signals does not hide that somebody was removed", async () => {
  const { anna, omar, gid } = await trio();
  const { door } = doorOf(omar);
  const { port1, port2 } = channel();
  door.open(port1);
  const port = new CorePort(port2);
  await port.ask("watch", { gids: [rows.bytesOf(gid)] });
  omar.core.onCall?.({ gid, epoch: 9, removed: true });
  const signal = { gid, leaf: 0, account: anna.id, device: 1, ts: 1, epoch: 9, fields: fieldsOf({ t: "room" }) };
  for (let n = 0; n < WAITING_MAX + 9; n += 1) omar.core.onCall?.(signal);
  const found = await port.ask("take", {});
  expect(found).toHaveLength(WAITING_MAX);
  expect(found[0]).toMatchObject({ news: "epoch", epoch: 9, removed: true });
});

test("a new call worker takes over: the old one's questions end, and what comes is the new one's", async () => {
  const { world, anna, omar, gid } = await trio();
  const { door } = doorOf(omar);
  const [before, after] = [channel(), channel()];
  door.open(before.port1);
  const old = new CorePort(before.port2);
  const waiting: News[] = [];
  const ended = (async () => {
    for await (const one of old.news()) waiting.push(one);
  })();
  await old.ask("kept", {});
  door.open(after.port1);
  await ended;
  await expect(old.ask("kept", {})).rejects.toMatchObject({ failure: { code: "stopped" } });
  world.service.take(await seal(anna, gid));
  await world.settle();
  const [ring] = await new CorePort(after.port2).ask("take", {});
  expect([waiting, ring?.news]).toEqual([[], "signal"]);
  door.close();
});
