/** An account that ends says so to its contacts, and nothing waits for it then. Twin of tests/client/test_gone. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { copies } from "../../testing/copies.ts";
import { type Person, World } from "../../testing/people.ts";
import { chatView } from "../../verbs/views.ts";
import * as accounts from "../../state/accounts.ts";
import type { Id } from "../../state/rows.ts";
import * as chats from "../chats.ts";
import * as messages from "../messages.ts";
import { sayFarewell } from "./leaving.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));
const writes = (who: Person, gid: Id) => who.core.look((look) => chats.checkWriter(look, gid));
const isGone = (who: Person, other: Person) =>
  who.core.look(async (look) => (await accounts.known(look, other.id)).gone);
const farewell = (who: Person) => who.core.step("farewell", (step) => sayFarewell(step));

const pair = copies(async (): Promise<{ world: World; anna: Person; omar: Person; gid: Id }> => {
  const world = new World();
  const [anna, omar] = [await world.person("Anna"), await world.person("Omar")];
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await say(omar, gid, "hello");
  await world.settle();
  return { world, anna, omar, gid };
});

test("what waits for an account that ended fails, and nothing more is written to it", async () => {
  const { world, anna, omar, gid } = await pair();
  omar.onRequest = () => false;
  await say(omar, gid, "on its way");
  await omar.sendFirst();
  await say(omar, gid, "behind it");
  omar.onRequest = () => true;
  expect(await farewell(anna)).toEqual([gid]);
  await world.settle();
  const states = (await omar.lines(gid)).map(({ text, state, reason }) => [text, state, reason]);
  expect(states).toContainEqual(["behind it", "failed", "contact-gone"]);
  await expect(writes(omar, gid)).rejects.toThrow("contact-gone");
  const view = await omar.core.look(async (look) => chatView(look, await look.chat(gid)));
  expect(view).toMatchObject({ gone: true, may: { send: false } });
  await expect(omar.core.step("group", (step) => chats.openGroup(step, "Both", [anna.id]))).rejects.toThrow(
    "contact-gone",
  );
  // Whoever is gone is told nothing when Omar goes too.
  expect(await farewell(omar)).toEqual([]);
});

test("whoever is blocked is told nothing", async () => {
  const { world, anna, omar } = await pair();
  await anna.core.step("block", (step) => accounts.change(step, omar.id, { blocked: true, blocked_at: 1 }));
  expect(await farewell(anna)).toEqual([]);
  await world.settle();
  expect(await isGone(omar, anna)).toBe(false);
});

test("whoever said farewell and writes again is there", async () => {
  const { world, anna, omar, gid } = await pair();
  await farewell(anna);
  await world.settle();
  expect(await isGone(omar, anna)).toBe(true);
  await say(anna, gid, "still here");
  await world.settle();
  await expect(writes(omar, gid)).resolves.toBeDefined();
  await say(omar, gid, "good");
  await world.settle();
  expect((await anna.texts(gid)).at(-1)).toBe("good");
});

test("nobody says of another one that it is gone: our own other device ends nobody", async () => {
  const { world, anna, omar, gid } = await pair();
  const laptop = await world.device(omar);
  await world.settle();
  await laptop.core.step("own", (step) => messages.submitControl(step, gid, { op: "leave" }));
  await world.settle();
  expect(await isGone(omar, anna)).toBe(false);
  expect(await isGone(omar, omar)).toBe(false);
  expect(await isGone(anna, omar)).toBe(true);
});
