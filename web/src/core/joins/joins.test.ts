/** Joining by a link: the request, what the approver believes of it, who decides. Twin of tests/client/test_joins.py. */
import "fake-indexeddb/auto";
import { beforeEach, expect, test } from "vitest";
import { type GroupLink, parseGroupLink } from "../../protocol/identity/grouplinks.ts";
import { randomBytes } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import * as groups from "../rules/groups.ts";
import * as messages from "../rules/messages.ts";
import * as accounts from "../state/accounts.ts";
import { findJoins, loadJoins } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { type Person, SERVER, World } from "../testing/people.ts";
import * as asking from "./asking.ts";
import { urlOf, workOff } from "./joins.ts";
import * as requests from "./requests.ts";

let world: World;
let amal: Person;
let boris: Person;
let zoe: Person;
let gid: Id;

const begun = copies(async () => {
  const made = new World();
  const [first, second, third] = [await made.person("Amal"), await made.person("Boris"), await made.person("Zoe")];
  await first.meet(second);
  const group = await first.core.step("group", (step) => chats.openGroup(step, "Doves", [second.id]));
  await made.settle();
  return { world: made, amal: first, boris: second, zoe: third, gid: group };
});

beforeEach(async () => {
  ({ world, amal, boris, zoe, gid } = await begun());
});

/** As the leading devices do after each step that told something. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await world.settle();
    for (const person of world.people)
      if (!person.away && (await person.core.look((look) => findJoins(look.tx))))
        await person.core.step("joins", workOff);
  }
  await world.settle();
}

async function makeLink(maker: Person, auto = false): Promise<GroupLink> {
  const token = randomBytes(32);
  const url = await maker.core.step("link", async (step) => {
    const expires = Math.floor(step.now / 1000) + 7 * 86_400;
    return urlOf(step, await requests.makeLink(step, gid, { token, auto, expires }), "https://home.example");
  });
  await settle();
  return parseGroupLink(url);
}

async function ask(who: Person, link: GroupLink): Promise<void> {
  await who.core.step("ask", async (step) => {
    const approver = rows.idOf(link.approver);
    await accounts.learnChain(step, approver, world.service.lists.get(approver) ?? []);
    await asking.ask(step, link);
  });
  await settle();
}

const waiting = async (who: Person) =>
  (await who.core.look((look) => loadJoins(look.tx))).waiting.map(({ name }) => name);
const states = async (who: Person) =>
  (await who.core.look((look) => loadJoins(look.tx))).asked.map(({ state }) => state);
const isIn = (who: Person) => who.core.look((look) => asking.isIn(look, gid));

test("who asks waits and is let in by a press", async () => {
  const link = await makeLink(amal);
  expect(link).toMatchObject({ server_name: SERVER, name: "Doves" });
  await ask(zoe, link);
  expect([await waiting(amal), await states(zoe), await isIn(zoe)]).toEqual([["Zoe"], ["asked"], false]);
  const quiet = await zoe.core.look((look) => chats.findDm(look, amal.id));
  expect(quiet?.quiet).toBe(true);
  expect((await amal.core.look((look) => accounts.known(look, zoe.id))).contact).toBe(false);
  await amal.core.step("accept", (step) => requests.accept(step, gid, zoe.id));
  await settle();
  expect([await waiting(amal), await states(zoe), await isIn(zoe)]).toEqual([[], [], true]);
  await zoe.core.step("say", (step) => messages.submitText(step, gid, "here I am"));
  await settle();
  expect(await boris.texts(gid)).toContain("here I am");
});

test("an auto link lets in at once, but not who was removed", async () => {
  const link = await makeLink(amal, true);
  await ask(zoe, link);
  expect(await isIn(zoe)).toBe(true);
  await amal.core.step("remove", (step) => chats.removeAccount(step, gid, zoe.id));
  await settle();
  expect(await isIn(zoe)).toBe(false);
  await ask(zoe, link);
  expect([await isIn(zoe), await waiting(amal)]).toEqual([false, ["Zoe"]]);
});

test("a device linked later, and an admin of later, know who was removed; a plain member is not told", async () => {
  const link = await makeLink(amal, true);
  await amal.core.step("remove", (step) => chats.removeAccount(step, gid, boris.id));
  await settle();
  const second = await world.device(amal);
  await settle();
  expect((await second.chat(gid)).put_out).toEqual([boris.id]);
  amal.away = true;
  await ask(boris, link);
  await world.pass(60_000, 2);
  await settle();
  expect([await isIn(boris), await waiting(second)]).toEqual([false, ["Boris"]]);
  amal.away = false;
  await settle();
  await ask(zoe, link);
  expect([await isIn(zoe), (await zoe.chat(gid)).put_out]).toEqual([true, []]);
  await amal.core.step("role", (step) => chats.setRole(step, gid, zoe.id, groups.ADMIN));
  await settle();
  expect((await zoe.chat(gid)).put_out).toEqual([boris.id]);
});

test("who was removed is learnt from a blocked admin too: it is about the group", async () => {
  const link = await makeLink(amal, true);
  await amal.core.step("remove", (step) => chats.removeAccount(step, gid, boris.id));
  await settle();
  await ask(zoe, link);
  await zoe.core.step("block", (step) => accounts.change(step, amal.id, { blocked: true, blocked_at: 1 }));
  await amal.core.step("role", (step) => chats.setRole(step, gid, zoe.id, groups.ADMIN));
  await settle();
  expect((await zoe.chat(gid)).put_out).toEqual([boris.id]);
});

test("a member who may let nobody in says in vain who was removed", async () => {
  const link = await makeLink(amal, true);
  const accounts = [rows.bytesOf(zoe.id)];
  await boris.core.step("cheat", (step) => messages.submitControl(step, gid, { op: "put-out", accounts }));
  await settle();
  expect((await amal.chat(gid)).put_out).toEqual([]);
  await ask(zoe, link);
  expect(await isIn(zoe)).toBe(true);
});

test("a declined request is told and not heard again", async () => {
  const link = await makeLink(amal);
  await ask(zoe, link);
  await amal.core.step("decline", (step) => requests.decline(step, gid, zoe.id));
  await settle();
  expect([await states(zoe), await waiting(amal)]).toEqual([["declined"], []]);
  await ask(zoe, link);
  expect([await states(zoe), await waiting(amal), await isIn(zoe)]).toEqual([["declined"], [], false]);
});

test("a revoked link lets nobody ask", async () => {
  const link = await makeLink(amal, true);
  await amal.core.step("revoke", (step) => requests.revoke(step, gid, rows.idOf(link.invite_id)));
  await settle();
  expect((await boris.chat(gid)).invites).toEqual([]);
  await ask(zoe, link);
  expect([await states(zoe), await isIn(zoe)]).toEqual([["closed"], false]);
});

test("a request by a link that does not stand in the group changes nothing", async () => {
  const link = await makeLink(amal, true);
  await ask(zoe, { ...link, invite_id: randomBytes(16) });
  expect([await isIn(zoe), await waiting(amal), await states(zoe)]).toEqual([false, [], ["closed"]]);
});

test("links need the right, and only who may add makes them", async () => {
  await expect(makeLink(boris)).rejects.toMatchObject({ code: "not-permitted" });
  const link = await makeLink(amal);
  await expect(ask(boris, link)).rejects.toMatchObject({ code: "already-in" });
  await expect(ask(zoe, { ...link, server_name: "other.example" })).rejects.toMatchObject({ code: "bad-link" });
  await expect(ask(zoe, { ...link, expires: 1 })).rejects.toMatchObject({ code: "link-expired" });
});

test("where only admins write, a member's words are not shown and are counted", async () => {
  const perms = { send: 1 };
  await amal.core.step("rules", (step) => chats.submitSettings(step, gid, rows.makeIntent("settings", { perms })));
  await settle();
  expect((await boris.chat(gid)).perms["send"]).toBe(1);
  await expect(boris.core.look((look) => chats.checkWriter(look, gid))).rejects.toMatchObject({
    code: "not-permitted",
  });
  // A hostile client believes that it may.
  await boris.core.step("evil", (step) => step.changeChat(gid, { perms: { send: 0 } }));
  await boris.core.step("say", (step) => messages.submitText(step, gid, "all the same"));
  await settle();
  expect(await amal.texts(gid)).not.toContain("all the same");
  expect((await amal.chat(gid)).unshown).toBe(1);
});
