/** Disappearing messages over real cores: both sides, two devices, ends of the worker, what the database still holds. */
import "fake-indexeddb/auto";
import { openDB } from "idb";
import { expect, test } from "vitest";
import { SPAN_MAX_S } from "../../../protocol/chat/expiry.ts";
import { encodeHex } from "../../../protocol/bytes.ts";
import { putBlob, saveRow } from "../../files/blobs.ts";
import * as rows from "../../state/rows.ts";
import type { Id } from "../../state/rows.ts";
import { databaseName } from "../../store/schema.ts";
import { copies } from "../../testing/copies.ts";
import { type Person, World } from "../../testing/people.ts";
import { chatView, messageView } from "../../verbs/views.ts";
import * as chats from "../chats.ts";
import * as messages from "../messages.ts";
import * as acts from "../talk/acts.ts";
import * as reading from "../talk/reading.ts";
import { isGone } from "./sweep.ts";

const DAY_S = 86_400;
const DAY_MS = DAY_S * 1000;

const say = (who: Person, gid: Id, text: string, reply = "") =>
  who.core.step("say", (step) => messages.submitText(step, gid, text, reply));
const see = (who: Person, gid: Id, id: Id) => who.core.step("read", (step) => reading.markRead(step, gid, id));
const gone = async (who: Person, id: Id) =>
  who.core.look(async (look) => (await isGone(look, id)) && (await rows.findMessage(look.tx, id)) === undefined);

async function rowOf(who: Person, id: Id): Promise<rows.StoredMessage> {
  const found = await who.core.look((look) => rows.findMessage(look.tx, id));
  if (found === undefined) throw new Error("gone");
  return found[1];
}

interface Met {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly gid: Id;
}

/** A DM in which messages disappear a day after they were read. */
const met = copies(async (): Promise<Met> => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { world, anna, omar, gid };
});

async function pair(seconds = DAY_S): Promise<Met> {
  const { world, anna, omar, gid } = await met();
  await omar.core.step("timer", (step) => chats.setTimer(step, gid, seconds));
  await world.settle();
  return { world, anna, omar, gid };
}

test("it goes on both sides, and both see who set the timer", async () => {
  const { world, anna, omar, gid } = await pair();
  for (const who of [anna, omar]) {
    expect((await who.chat(gid)).timer).toBe(DAY_S);
    const line = (await who.lines(gid)).findLast(({ notice }) => notice?.code === "timer");
    expect(line?.notice).toMatchObject({ by: omar.id, text: String(DAY_S) });
  }
  const id = await say(anna, gid, "goes");
  await world.settle();
  expect(await rowOf(anna, id)).toMatchObject({ expire_s: DAY_S, expires_at: (await rowOf(anna, id)).sent + DAY_MS });
  expect((await rowOf(omar, id)).expires_at).toBe(0);
  await world.pass(DAY_MS / 2);
  await see(omar, gid, id);
  await world.pass(DAY_MS * 0.6);
  expect(await gone(anna, id)).toBe(true);
  expect(await omar.texts(gid)).toEqual(["goes"]);
  await world.pass(DAY_MS * 0.5);
  expect(await gone(omar, id)).toBe(true);
  expect(omar.told.filter(({ code }) => code === "expired").map(({ messageId }) => messageId)).toEqual([id]);
});

test("reading on one device starts it on the other, which was away", async () => {
  const { world, anna, omar, gid } = await pair();
  const second = await world.device(omar);
  await world.settle();
  const id = await say(anna, gid, "goes");
  await world.settle();
  second.away = true;
  await see(omar, gid, id);
  await world.pass(5_000);
  await world.pass(2 * DAY_MS);
  expect(await gone(omar, id)).toBe(true);
  second.away = false;
  await world.settle();
  await second.core.sweep();
  expect(await gone(second, id)).toBe(true);
});

test("an own message that is over when another device hears of it is never shown there", async () => {
  const { world, anna, gid } = await pair();
  const second = await world.device(anna);
  await world.settle();
  second.away = true;
  const id = await say(anna, gid, "goes");
  await world.pass(2 * DAY_MS);
  second.away = false;
  await world.settle();
  expect(await gone(second, id)).toBe(true);
  expect(second.told.some(({ code, messageId }) => code === "message" && messageId === id)).toBe(false);
});

test("what waits is not lost; it goes here once it is out", async () => {
  const { world, anna, omar, gid } = await pair();
  anna.away = true;
  const id = await say(anna, gid, "from the shelter");
  await world.pass(3 * DAY_MS);
  await anna.restart();
  expect(await anna.texts(gid)).toEqual(["from the shelter"]);
  anna.away = false;
  await world.settle();
  await anna.core.sweep();
  expect(await omar.texts(gid)).toEqual(["from the shelter"]);
  expect(await gone(anna, id)).toBe(true);
});

test.each(["sweep:before", "sweep:after"])(
  "a worker that ends at %s keeps nothing and loses nothing",
  async (point) => {
    const { world, anna, omar, gid } = await pair();
    const id = await say(anna, gid, "goes");
    await world.settle();
    await see(omar, gid, id);
    await omar.core.step("timer", (step) => chats.setTimer(step, gid, 0));
    await world.settle();
    await say(anna, gid, "stays");
    await world.settle();
    world.time += 2 * DAY_MS;
    omar.crashAt(point);
    await omar.core.sweep().catch(() => undefined);
    await omar.restart();
    expect(await gone(omar, id)).toBe(true);
    expect(await omar.texts(gid)).toEqual(["stays"]);
  },
);

test("nothing of it is left in the database, files too", async () => {
  const { world, anna, omar, gid } = await pair();
  const id = await say(anna, gid, "the text that must not stay");
  await world.settle();
  const blob = new Uint8Array(16).fill(7);
  await omar.core.step("file", async (step) => {
    const [n, row] = (await rows.findMessage(step.tx, id)) ?? [0, undefined];
    if (row) await rows.saveMessage(step.tx, n, { ...row, kept: new Uint8Array([1]) });
    putBlob(step, blob, new Uint8Array(5_000).fill(42));
    await saveRow(step, { name: new Uint8Array([9]), blob, whole: 5_000, have: 5_000, used: 1, gid, message: id });
  });
  await see(omar, gid, id);
  const before = await dump(omar);
  const sealed = await sealedRow(omar, id);
  expect(before).toContain(sealed);
  expect(before).toContain("2a".repeat(500));
  world.time += 2 * DAY_MS;
  await omar.restart();
  const after = await dump(omar);
  expect(after).not.toContain(sealed);
  expect(after).not.toContain("2a".repeat(500));
  expect(await omar.core.look((look) => look.tx.count("file"))).toBe(0);
  expect(await omar.core.look((look) => look.tx.count("deadline"))).toBe(0);
});

/** Every value of every store, in hex. */
async function dump(who: Person): Promise<string> {
  globalThis.indexedDB = (who as unknown as { factory: IDBFactory }).factory;
  const db = await openDB(databaseName("main"));
  const found: string[] = [];
  for (const name of db.objectStoreNames) {
    for (const value of (await db.getAll(name)) as unknown[]) found.push(hexOf(value));
  }
  db.close();
  return found.join("\n");
}

function hexOf(value: unknown): string {
  if (value instanceof Uint8Array) return encodeHex(value);
  return typeof value === "object" && value !== null ? Object.values(value).map(hexOf).join(" ") : "";
}

/** The ciphertext of a message's row. */
async function sealedRow(who: Person, id: Id): Promise<string> {
  const [n] = (await who.core.look((look) => rows.findMessage(look.tx, id))) ?? [0];
  globalThis.indexedDB = (who as unknown as { factory: IDBFactory }).factory;
  const db = await openDB(databaseName("main"));
  const row = (await db.get("message", n)) as { ct: Uint8Array };
  db.close();
  return encodeHex(new Uint8Array(row.ct));
}

test("an edit keeps the deadline; a reply says that what it quotes is gone", async () => {
  const { world, anna, omar, gid } = await pair();
  const id = await say(anna, gid, "frist");
  await world.settle();
  await see(omar, gid, id);
  const { expires_at } = await rowOf(omar, id);
  await anna.core.step("timer", (step) => chats.setTimer(step, gid, 0));
  await world.settle();
  await anna.core.step("edit", (step) => acts.edit(step, gid, id, "first"));
  const answer = await say(omar, gid, "indeed", id);
  await world.settle();
  expect(await rowOf(omar, id)).toMatchObject({ text: "first", expires_at });
  await world.pass(2 * DAY_MS);
  await anna.core.sweep();
  for (const who of [anna, omar]) {
    expect(await who.texts(gid)).toEqual(["indeed"]);
    const view = await who.core.look(async (look) => {
      const [n, row] = (await rows.findMessage(look.tx, answer)) ?? [0, undefined];
      return row && messageView(look, n, row);
    });
    expect(view?.quote).toMatchObject({ id, expired: true });
    expect(view?.expire_s).toBeUndefined();
  }
});

test("a clock that went back gives no more than one span", async () => {
  const { world, anna, omar, gid } = await pair();
  const id = await say(anna, gid, "goes");
  await world.settle();
  await see(omar, gid, id);
  world.time -= 100 * DAY_MS;
  await omar.core.sweep();
  expect((await rowOf(omar, id)).expires_at).toBe(world.time + DAY_MS);
  world.time += DAY_MS;
  await omar.core.sweep();
  expect(await gone(omar, id)).toBe(true);
});

test("who may set the timer: both of a DM, admins of a group, up to a year", async () => {
  const { world, anna, omar, gid } = await pair();
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id]));
  await world.settle();
  const set = (who: Person, chat: Id, seconds: number) =>
    who.core.step("timer", (step) => chats.setTimer(step, chat, seconds));
  await expect(set(omar, group, 60)).rejects.toThrow("not-permitted");
  for (const seconds of [-1, 1.5, SPAN_MAX_S + 1]) await expect(set(anna, gid, seconds)).rejects.toThrow("malformed");
  await set(anna, group, 60);
  await set(anna, group, SPAN_MAX_S);
  await world.settle();
  expect((await omar.chat(group)).timer).toBe(SPAN_MAX_S);
  const may = (who: Person) => who.core.look(async (look) => (await chatView(look, await look.chat(group))).may.timer);
  expect([await may(anna), await may(omar)]).toEqual([true, false]);
});

test("where another chat of two takes the place of one, as after a restore, its timer stays", async () => {
  const { world, anna, omar, gid } = await pair();
  // Which of the two stays is their ids' to say.
  let least = gid;
  for (let turn = 0; turn < 12 && least === gid; turn++) {
    const other = await anna.core.step("again", (step) => chats.openNewDm(step, omar.id));
    await world.settle();
    if (rows.compareIds(other, least) < 0) least = other;
  }
  expect(least).not.toBe(gid);
  for (const [person, peer] of [
    [anna, omar.id],
    [omar, anna.id],
  ] as const) {
    const used = await person.core.look((look) => chats.findDm(look, peer));
    expect([used?.gid, used?.timer]).toEqual([least, DAY_S]);
  }
});
