/** Two and more people over a model of the delivery service: they meet, talk, come and go. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { chatLine } from "../verbs/views.ts";
import * as chats from "./chats.ts";
import * as groups from "./groups.ts";
import * as messages from "./messages.ts";
import * as readd from "./readd.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));

const pair = copies(async (): Promise<{ world: World; anna: Person; omar: Person; gid: Id }> => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { world, anna, omar, gid };
});

const trio = copies(async (): Promise<{ world: World; anna: Person; omar: Person; vera: Person; gid: Id }> => {
  const { world, anna, omar } = await pair();
  const vera = await world.person("Vera");
  await anna.meet(vera);
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, vera.id]));
  await world.settle();
  return { world, anna, omar, vera, gid };
});

const notices = async (who: Person, gid: Id) =>
  (await who.lines(gid)).flatMap((line) => (line.notice === null ? [] : [line.notice.code]));

test("two people meet by a link and talk both ways", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(anna, gid, "salam");
  await world.settle();
  expect(await omar.texts(await omar.dmWith(anna))).toEqual(["salam"]);
  await say(omar, gid, "and to you");
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["salam", "and to you"]);
  expect((await anna.chat(gid)).unread).toBe(1);
  const known = await omar.core.look((look) => chats.findDm(look, anna.id));
  expect(known?.peer).toBe(anna.id);
});

test("a group hears everybody; who is removed reads nothing that follows", async () => {
  const { world, anna, omar, vera, gid } = await trio();
  await say(omar, gid, "one");
  await say(vera, gid, "two");
  await world.settle();
  for (const who of [anna, omar, vera]) expect((await who.texts(gid)).sort()).toEqual(["one", "two"]);
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, vera.id));
  await world.settle();
  expect((await vera.chat(gid)).status).toBe("removed");
  await say(anna, gid, "three");
  await world.settle();
  expect(await omar.texts(gid)).toContain("three");
  expect(await vera.texts(gid)).not.toContain("three");
  expect(await vera.core.look((look) => look.findGroup(gid))).toBeUndefined();
  expect(await notices(vera, gid)).toContain("you-removed");
  expect(await notices(omar, gid)).toContain("removed");
  await expect(say(vera, gid, "x").then(() => world.settle())).resolves.toBeUndefined();
  expect((await vera.lines(gid)).at(-1)?.state).toBe("queued");
});

test("a member leaves, and another one removes him", async () => {
  const { world, omar, vera, gid } = await trio();
  await vera.core.step("leave", (step) => chats.leave(step, gid));
  await world.settle();
  await world.pass(10_000, 5);
  expect((await vera.chat(gid)).status).toBe("left");
  expect(await notices(omar, gid)).toEqual(expect.arrayContaining(["leaving", "left"]));
});

test("the title and roles change for all, by who may", async () => {
  const { world, anna, omar, vera, gid } = await trio();
  await expect(omar.core.step("rename", (step) => chats.rename(step, gid, "Mine"))).rejects.toThrow("not-permitted");
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Trip to Tunis"));
  await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 1));
  await world.settle();
  for (const who of [anna, omar, vera]) expect((await who.chat(gid)).title).toBe("Trip to Tunis");
  expect((await vera.chat(gid)).roles[omar.id]).toBe(1);
  await omar.core.step("remove", (step) => chats.removeAccount(step, gid, vera.id));
  await world.settle();
  expect((await vera.chat(gid)).status).toBe("removed");
  expect(await notices(omar, gid)).toEqual(expect.arrayContaining(["renamed", "role", "removed"]));
});

test("a second device comes into every chat and both hear and send", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(anna, gid, "before");
  await world.settle();
  const second = await world.device(anna);
  await world.settle();
  await say(omar, gid, "to both");
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["before", "to both"]);
  expect(await second.texts(gid)).toEqual(["to both"]);
  await say(second, gid, "from the second");
  await world.settle();
  for (const who of [anna, omar]) expect(await who.texts(gid)).toContain("from the second");
  expect((await anna.lines(gid)).at(-1)).toMatchObject({ account: anna.id, state: "sent" });
  expect(await notices(omar, gid)).toContain("device-added");
});

test("a new device neither previews a chat nor moves it up, for friends too", async () => {
  const { world, anna, omar, gid } = await pair();
  const vera = await world.person("Vera");
  await anna.meet(vera);
  await omar.meet(vera);
  await say(anna, gid, "the older chat");
  await world.pass(60_000);
  const friends = await omar.core.step("dm", (step) => chats.openDm(step, vera.id));
  await world.settle();
  await say(omar, friends, "the newer chat");
  await world.pass(60_000);
  const seen = (who: Person) =>
    who.core.look(async (look) => {
      const listed = (await rows.allChats(look.tx)).filter(({ kind }) => kind === groups.DM);
      const lines = await Promise.all(listed.map((chat) => chatLine(look, chat, false)));
      return lines.map(({ id, activity, unread, last }) => ({ id, activity, unread, said: last?.text }));
    });
  const before = [await seen(omar), await seen(anna)];
  await world.device(anna);
  await world.pass(60_000);
  expect(await notices(omar, gid)).toContain("device-added");
  expect([await seen(omar), await seen(anna)]).toEqual(before);
});

test("a chat that a device comes back into stays where it stood in the list", async () => {
  const { world, anna, omar, gid } = await trio();
  await say(anna, gid, "one");
  await world.settle();
  const { activity } = await omar.chat(gid);
  await omar.core.step("lose", (step) => readd.lose(step, gid, "asked"));
  await world.pass(180_000, 3);
  expect(await omar.chat(gid)).toMatchObject({ status: "active", activity });
  expect(await notices(omar, gid)).toContain("rejoined");
});

test("who lost the state of a chat is brought back and what waited is sent", async () => {
  const { world, anna, omar, gid } = await pair();
  await say(anna, gid, "one");
  await world.settle();
  await omar.core.step("lose", (step) => readd.lose(step, gid, "asked"));
  await say(omar, gid, "waiting");
  await world.pass(180_000, 3);
  expect((await omar.chat(gid)).status).toBe("active");
  expect(await anna.texts(await anna.dmWith(omar))).toContain("waiting");
});

test("two DMs made at once become one, and nothing is lost", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  await omar.meet(anna);
  const first = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  const second = await omar.core.step("dm", (step) => chats.openDm(step, anna.id));
  await say(anna, first, "hers");
  await say(omar, second, "his");
  await world.settle();
  const place = await anna.dmWith(omar);
  expect(await omar.dmWith(anna)).toBe(place);
  for (const who of [anna, omar]) expect((await who.texts(place)).sort()).toEqual(["hers", "his"]);
});
