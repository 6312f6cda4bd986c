/** The worker may end at any transaction boundary, requests and answers may be lost: each text arrives exactly once. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import type { Id } from "../state/rows.ts";
import * as chats from "./chats.ts";
import * as messages from "./messages.ts";
import * as recovery from "./recovery.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));
const TEXTS = ["one", "two", "three"];

interface Pair {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly gid: Id;
}

const settled = copies(async (): Promise<Pair> => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { world, anna, omar, gid };
});

async function pair(): Promise<Pair> {
  const all = await settled();
  // From here on their stores tell where they are.
  await all.anna.restart();
  await all.omar.restart();
  await all.world.settle();
  return all;
}

const STEPS = ["hello", "ready", "receive", "drained", "seal", "ok"];
const POINTS = STEPS.flatMap((step) => [`${step}:before`, `${step}:after`]);

test.each(POINTS)("both workers end at %s", async (point) => {
  const { world, anna, omar, gid } = await pair();
  for (const text of TEXTS) await say(anna, gid, text);
  anna.crashAt(point);
  omar.crashAt(point);
  await world.settle();
  // An answer brings both through every step.
  await say(omar, gid, "thanks");
  await world.settle();
  expect([anna.crashes, omar.crashes]).toEqual([1, 1]);
  for (const who of [anna, omar]) expect(await who.texts(gid)).toEqual([...TEXTS, "thanks"]);
  const states = (await anna.lines(gid)).map((line) => line.state);
  expect(states.every((state) => ["sent", "delivered", "received"].includes(state))).toBe(true);
});

test("written offline, sent once the server is there, in order and once", async () => {
  const { world, anna, omar, gid } = await pair();
  anna.away = true;
  for (const text of TEXTS) await say(anna, gid, text);
  await world.settle();
  expect(await omar.texts(gid)).toEqual([]);
  await anna.restart();
  expect((await anna.lines(gid)).map((line) => line.state)).toEqual(["queued", "queued", "queued"]);
  anna.away = false;
  await world.settle();
  expect(await omar.texts(gid)).toEqual(TEXTS);
});

test("requests and answers get lost: the same bytes go again, and the other side shows each text once", async () => {
  const { world, anna, omar, gid } = await pair();
  const fates: (boolean | "answer")[] = [false, "answer", false, "answer", true];
  anna.onRequest = () => fates.shift() ?? true;
  for (const text of TEXTS) await say(anna, gid, text);
  await world.settle();
  await world.settle();
  expect(fates).toEqual([]);
  expect(await omar.texts(gid)).toEqual(TEXTS);
  expect((await anna.lines(gid)).map((line) => line.state)).toEqual(["sent", "sent", "sent"]);
});

test("an epoch moves on under a sealed text: it is sealed anew and shown once", async () => {
  const { world, anna, omar, gid } = await pair();
  const vera = await world.person("Vera");
  await anna.meet(vera);
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, vera.id]));
  await world.settle();
  omar.away = true;
  await anna.core.step("remove", (step) => chats.removeAccount(step, group, vera.id));
  await world.settle();
  omar.away = false;
  // He seals before he has heard of the new epoch.
  await say(omar, group, "late");
  await omar.sendFirst();
  await world.settle();
  await world.settle();
  expect((await anna.texts(group)).filter((text) => text === "late")).toEqual(["late"]);
  expect((await omar.lines(group)).find((line) => line.text === "late")?.state).toBe("sent");
  expect(await anna.texts(gid)).toEqual([]);
});

test("an old copy of the store is noticed, and nothing is sent from it", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(omar, gid, "one");
  await world.settle();
  // As if another copy of it had received five more since.
  anna.mailbox.next += 5;
  anna.mailbox.acked = anna.mailbox.next - 1;
  await anna.core.wantDrain();
  await say(anna, gid, "not from here");
  await world.settle();
  expect(await anna.core.isLocked()).toBe(true);
  expect(anna.told.map((told) => told.code)).toContain("old-copy");
  expect(await omar.texts(gid)).toEqual(["one"]);
  // The person keeps this copy: it is brought back as the same device, and what waited is sent.
  await anna.core.step("recover", (step) => recovery.recover(step));
  await world.pass(240_000, 4);
  expect(await anna.core.isLocked()).toBe(false);
  const place = await omar.dmWith(anna);
  expect(await omar.texts(place)).toEqual(["one", "not from here"]);
  expect((await anna.chat(place)).status).toBe("active");
});
