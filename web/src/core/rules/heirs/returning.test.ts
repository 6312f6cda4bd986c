/**
 * A server that came back from a backup holds an epoch that others left: nobody goes on in it with who was removed.
 * Twin of tests/client/test_returning.
 */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import { HEAD_JUMP } from "../../../protocol/limits.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { type Four, four } from "../../testing/four.ts";
import type { Person, World } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";
import { findHeld } from "./judging.ts";
import { PATIENCE_MS } from "./returning.ts";

/** What a backup keeps of the groups of a server; the result puts it in the place of what is there then. */
function backUp({ service, people }: World): () => Promise<void> {
  const copy = () => [...held].map(([gid, row]) => [gid, { ...row, roster: new Map(row.roster) }] as const);
  let held: ReadonlyMap<string, ReturnType<typeof service.groups.get> & object> = service.groups;
  held = new Map(copy());
  return async () => {
    service.groups.clear();
    for (const [gid, row] of copy()) service.groups.set(gid, row);
    for (const mailbox of service.mailboxes.values()) {
      mailbox.queue = [];
      mailbox.next += 2 * HEAD_JUMP;
    }
    for (const person of people) await person.core.wantDrain();
  };
}

/** Mallory is removed while she and Cleo, or Omar, are away, and the server forgets it; both are back. */
async function loseRemoval(missed: "cleo" | "omar" = "cleo"): Promise<Four> {
  const made = await four();
  const { world, anna, mallory, gid } = made;
  const restore = backUp(world);
  made[missed].away = mallory.away = true;
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  expect(rows.accountsOf(await anna.chat(gid))).not.toContain(mallory.id);
  world.time += 5_000;
  await restore();
  made[missed].away = mallory.away = false;
  return made;
}

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", async (step) => messages.submitText(step, (await chats.checkMember(step, gid)).gid, text));

/** Every text that this device holds. */
async function heard(who: Person): Promise<string[]> {
  const all = await who.core.look((look) => rows.allChats(look.tx));
  return (await Promise.all(all.map(({ gid }) => who.texts(gid)))).flat();
}

const codes = async (who: Person, gid: Id) => (await who.lines(gid)).flatMap(({ notice }) => notice?.code ?? []);

/** A group of this member that says it follows an epoch which nobody saw. */
async function forge(who: Person, gid: Id, gone: readonly Id[]): Promise<void> {
  await who.core.step("forge", async (step) => {
    const chat = await step.chat(gid);
    const held = await findHeld(step, chat);
    if (held === undefined) throw new Error("nothing held");
    const told = { gid: held.gid, epoch: held.epoch + 5, authenticator: new Uint8Array(64), reason: Reason.STUCK };
    const data = withPredecessor(held.settings, told);
    const people = rows.accountsOf(chat).filter((one) => one !== who.id && !gone.includes(one));
    const fresh = await chats.begin(step, data, people, chat.suite);
    await step.changeChat(fresh, { quiet: true });
  });
  await who.world.settle();
}

test("the first word of whoever missed a removal makes the others look, and the old group is shut", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseRemoval();
  await say(cleo, gid, "who reads this?");
  world.time += 1_000; // it went out after that, when she had heard that the server came back
  await world.settle();
  await world.pass(30_000, 6);
  expect(await heard(mallory)).toContain("who reads this?");
  const fresh = (await cleo.chat(gid)).merged;
  expect(fresh).not.toBe("");
  for (const one of [anna, omar]) expect((await one.chat(gid)).merged).toBe(fresh);
  expect((await codes(cleo, fresh)).slice(-3)).toEqual(["overtaken", "removed", "overheard"]);
  const { put_out, absent }: Chat = await cleo.chat(fresh);
  expect([put_out, absent]).toEqual([[mallory.id], []]);
  await say(cleo, gid, "now they do not");
  await world.settle();
  expect(await heard(anna)).toContain("now they do not");
  expect(await heard(mallory)).not.toContain("now they do not");
});

test("what waits is sealed for the new group alone", async () => {
  const { world, anna, cleo, mallory, gid } = await loseRemoval();
  cleo.away = true;
  await say(anna, gid, "after the restore");
  await world.settle();
  await world.pass(30_000, 6);
  await say(cleo, gid, "waited");
  cleo.away = false;
  await world.settle();
  const fresh = (await cleo.chat(gid)).merged;
  expect(await anna.texts(fresh)).toEqual(["after the restore", "waited"]);
  expect(await heard(mallory)).not.toContain("waited");
  expect((await codes(cleo, fresh)).slice(-2)).toEqual(["overtaken", "removed"]);
});

test("epochs of the server that came back keep nobody there", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseRemoval();
  anna.away = omar.away = true;
  const { epoch } = await cleo.chat(gid);
  for (let n = 0; n < 3; n++) {
    await mallory.core.step("update", (step) => outbox.submitIntent(step, gid, rows.makeIntent("update")));
    await world.settle();
  }
  expect((await cleo.chat(gid)).epoch).toBe(epoch + 3);
  await backUp(world)(); // once more, as it is now
  await world.settle();
  anna.away = omar.away = false;
  await say(anna, gid, "after the restore");
  await world.pass(30_000, 6);
  expect((await cleo.chat(gid)).merged).not.toBe("");
  expect((await cleo.chat(gid)).merged).toBe((await anna.chat(gid)).merged);
});

const update = (who: Person, gid: Id) =>
  who.core.step("update", (step) => outbox.submitIntent(step, gid, rows.makeIntent("update")));

test("a commit in the old group makes the others look, too", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseRemoval();
  await update(mallory, gid);
  await world.pass(30_000, 6);
  await say(cleo, gid, "who reads this?");
  await world.settle();
  const fresh = (await cleo.chat(gid)).merged;
  expect(fresh).not.toBe("");
  for (const one of [anna, omar]) expect((await one.chat(gid)).merged).toBe(fresh);
  expect(await heard(anna)).toContain("who reads this?");
  expect(await heard(mallory)).not.toContain("who reads this?");
});

test.each([true, false])("whoever missed a removal brings nobody back to it; its admin there: %s", async (isThere) => {
  const { world, anna, omar, cleo, mallory, gid } = await loseRemoval("omar");
  anna.away = !isThere;
  await update(omar, gid);
  await say(cleo, gid, "one");
  await world.pass(30_000, 8);
  anna.away = false;
  await say(anna, gid, "two");
  await world.pass(30_000, 8);
  const fresh = (await anna.chat(gid)).merged;
  expect(fresh).not.toBe("");
  for (const one of [omar, cleo]) expect((await one.chat(gid)).merged).toBe(fresh);
  expect(await heard(omar)).toEqual(expect.arrayContaining(["one", "two"]));
  expect(await heard(mallory)).toEqual([]);
});

test("the latest epoch that was lost wins", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  const restore = backUp(world);
  cleo.away = mallory.away = true;
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Pigeons"));
  await world.settle();
  anna.away = true;
  await omar.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  world.time += 5_000;
  await restore();
  anna.away = cleo.away = mallory.away = false;
  omar.away = true;
  await say(anna, gid, "one");
  await world.pass(30_000, 6);
  const first = (await cleo.chat(gid)).merged;
  expect(rows.accountsOf(await cleo.chat(first))).toContain(mallory.id);
  omar.away = false;
  await say(omar, gid, "two");
  await world.pass(30_000, 6);
  const last = (await omar.chat(gid)).merged;
  expect(last).not.toBe(first);
  for (const one of [anna, cleo]) expect((await one.chat(gid)).merged).toBe(last);
  expect(rows.accountsOf(await cleo.chat(last))).not.toContain(mallory.id);
});

test("nobody but an admin is believed, and no owner is left out", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  await backUp(world)();
  await world.settle();
  await forge(mallory, gid, [anna.id, omar.id]);
  await forge(omar, gid, [anna.id]);
  expect((await cleo.chat(gid)).heir).toBeNull();
  await forge(omar, gid, [mallory.id]);
  expect((await cleo.chat(gid)).heir).not.toBeNull();
});

test.each(["no server came back", "long ago", "an ended device"])("an admin is not believed: %s", async (why) => {
  const { world, omar, cleo, mallory, gid } = await four();
  if (why !== "no server came back") await backUp(world)();
  await world.settle();
  if (why === "long ago") await world.pass(PATIENCE_MS + 86_400_000);
  if (why === "an ended device")
    await cleo.core.step("ended", async (step) => {
      await accounts.change(step, omar.id, { devices: [[2, ""]] });
    });
  await forge(omar, gid, [mallory.id]);
  expect((await cleo.chat(gid)).heir).toBeNull();
});
