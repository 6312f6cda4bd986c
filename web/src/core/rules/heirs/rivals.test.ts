/** Where two groups took the place of one, the group that lost, or that was before, moves nobody. Twin of tests/client/test_attacks_rivals.py. */
import "fake-indexeddb/auto";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../../protocol/limits.ts";
import { randomBytes } from "../../crypto.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { commitSettings } from "../../testing/forging.ts";
import { type Person, World } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import { grow } from "./growing.ts";
import { findHeld } from "./judging.ts";
import { make } from "./making.ts";

let begun: World;
let world: World;
let anna: Person;
let omar: Person;
let cleo: Person;
let mallory: Person;
let gid: Id;

/** Anna's group with Omar, an admin, and Cleo and Mallory, members; all know each other. Made once, copied for each test. */
beforeAll(async () => {
  begun = new World();
  const [first, second] = [await begun.person("Anna"), await begun.person("Omar")];
  const people = [first, second, await begun.person("Cleo"), await begun.person("Mallory")];
  for (const one of people) for (const other of people) if (one !== other) await one.meet(other);
  const others = people.slice(1).map(({ id }) => id);
  gid = await first.core.step("group", (step) => chats.openGroup(step, "Trip", others));
  await begun.settle();
  await first.core.step("role", (step) => chats.setRole(step, gid, second.id, groups.ADMIN));
  await begun.settle();
});

beforeEach(async () => {
  world = await begun.copy();
  [anna, omar, cleo, mallory] = world.people as [Person, Person, Person, Person];
});

const all = (who: Person): Promise<Chat[]> =>
  who.core.look(async (look) => (await rows.allChats(look.tx)).filter((c) => c.kind === groups.GROUP && !c.quiet));
const seen = async (who: Person) => (await all(who)).filter((c) => c.merged === "").map((c) => c.gid);

/** Two admins make room at once: the group that stays, and the one that loses. */
async function lose(...makers: readonly Person[]): Promise<[stays: Id, lost: Id]> {
  for (const maker of makers) {
    await maker.core.step("grow", (step) => grow(step, gid));
    await maker.bringOut();
  }
  await world.settle();
  const [stays = "", ...more] = await seen(cleo);
  expect(more).toEqual([]);
  const [lost = "", ...others] = (await all(cleo)).map((c) => c.gid).filter((one) => one !== stays && one !== gid);
  expect([lost === "", others]).toEqual([false, []]);
  for (const one of [anna, omar, mallory]) expect(await seen(one)).toEqual([stays]);
  return [stays, lost];
}

const linesOf = async (who: Person) =>
  (await who.lines((await seen(who))[0] ?? "")).flatMap(({ notice }) => (notice === null ? [] : [notice]));

/** This device goes on in a group that was followed, as a changed client would. */
const turnHostile = (who: Person, lost: Id) =>
  who.core.step("hostile", (step) => step.changeChat(lost, { heir: null, merged: "" }));

test.each([
  ["first", () => [omar, anna]],
  ["last", () => [anna, omar]],
])("whoever is put out is not heard from a group that lost: it came %s", async (_, makers) => {
  const [stays, lost] = await lose(...makers());
  await anna.core.step("remove", (step) => chats.removeAccount(step, stays, mallory.id));
  await world.settle();
  await turnHostile(mallory, lost);
  await mallory.core.step("say", (step) => messages.submitText(step, lost, "still here"));
  await world.settle();
  for (const one of [anna, omar, cleo]) expect(await one.texts(stays)).toEqual([]);
});

test("a group that lost and is broken is not followed, and brings nobody back", async () => {
  const [stays, lost] = await lose(omar, anna);
  const named = await omar.core.step("hold", (step) => step.loadGroup(lost));
  await anna.core.step("remove", (step) => chats.removeAccount(step, stays, mallory.id));
  await world.settle();
  await turnHostile(mallory, lost);
  await commitSettings(mallory, lost, { name: "Mallory's" });
  await world.pass(600_000, 20);
  for (const one of [anna, omar, cleo]) {
    expect(await seen(one)).toEqual([stays]);
    expect((await one.chat(lost)).asking).toBeNull();
    expect((await all(one)).filter((c) => c.forebear === lost)).toEqual([]);
  }
  const { epoch, epochAuthenticator: authenticator } = named;
  const told = { gid: rows.bytesOf(lost), epoch, authenticator, reason: Reason.STUCK };
  const data = withPredecessor(groups.findSettings(named.extensions), told);
  const forged = await omar.core.step("forge", (step) => chats.begin(step, data, [anna.id, cleo.id], named.suite));
  await world.settle();
  for (const one of [anna, cleo]) expect((await seen(one)).sort()).toEqual([stays, forged].sort());
});

test("a demoted admin deletes and tells nothing through the group of before", async () => {
  const text = await cleo.core.step("say", (step) => messages.submitText(step, gid, "stays"));
  await world.settle();
  await anna.core.step("grow", (step) => grow(step, gid));
  await world.settle();
  const [stays = ""] = await seen(anna);
  await anna.core.step("role", (step) => chats.setRole(step, stays, omar.id, 0));
  await world.settle();
  await turnHostile(omar, gid);
  const stranger = randomBytes(16);
  await omar.core.step("attack", async (step) => {
    await messages.submitForm(step, gid, { form: "deletion", target: rows.bytesOf(text), as_admin: true });
    await messages.submitControl(step, gid, { op: "put-out", accounts: [stranger] }, true);
  });
  await world.settle();
  for (const one of [anna, cleo, mallory]) {
    const found = (await one.lines(stays)).find((line) => line.message_id === text);
    expect(found).toMatchObject({ text: "stays", deleted_by: "" });
    for (const chat of [stays, gid]) expect((await one.chat(chat)).put_out).not.toContain(rows.idOf(stranger));
  }
});

test.each([["repair"], ["growth"]])("of a repair and a growth the repair stays: first the %s", async (first) => {
  const repair = () => omar.core.step("repair", async (step) => make(step, await step.chat(gid), Reason.STUCK));
  const growth = () => anna.core.step("grow", (step) => grow(step, gid));
  for (const verb of first === "repair" ? [repair, growth] : [growth, repair]) {
    await verb();
    await (verb === repair ? omar : anna).bringOut();
  }
  await world.settle();
  const [stays = ""] = await seen(omar);
  expect((await omar.chat(stays)).suite).toBe(SUITE_XWING);
  for (const one of [anna, omar, cleo, mallory]) {
    expect(await seen(one)).toEqual([stays]);
    expect((await linesOf(one)).filter(({ code }) => code === "repaired")).toHaveLength(1);
  }
});

test("a growth does not bring back who broke the group", async () => {
  const held = await anna.core.step("hold", async (step) => findHeld(step, await step.chat(gid)));
  if (held === undefined) throw new Error("nothing is held");
  await commitSettings(mallory, gid, { name: "Mallory's" });
  anna.away = true;
  await world.pass(40_000, 8);
  anna.away = false;
  await world.settle();
  const [stays = ""] = await seen(omar);
  const { epoch, authenticator } = held;
  const told = { gid: rows.bytesOf(gid), epoch, authenticator, reason: Reason.RESIZE };
  const data = withPredecessor(held.settings, told);
  const people = [omar.id, cleo.id, mallory.id];
  await anna.core.step("forge", (step) => chats.begin(step, data, people, SUITE_RFC1));
  await world.settle();
  for (const one of [omar, cleo]) {
    expect(await seen(one)).toEqual([stays]);
    expect(await one.chat(stays)).toMatchObject({ suite: SUITE_XWING });
    expect([...rows.accountsOf(await one.chat(stays))].sort()).toEqual([anna.id, omar.id, cleo.id].sort());
  }
});

test("whoever makes the group that stays is named", async () => {
  await lose(omar, anna);
  const told = (await linesOf(cleo)).filter(({ code }) => code === "grown");
  expect(told.map(({ by }) => by).sort()).toEqual([omar.id, anna.id].sort());
});
