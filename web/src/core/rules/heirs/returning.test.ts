/**
 * A server that came back from a backup holds an epoch that others left: nobody goes on in it with who was removed.
 * Twin of tests/client/test_returning.
 */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { type Passed, Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { backUp, type Four, four } from "../../testing/four.ts";
import type { Person, World } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";
import * as readd from "../readd.ts";
import * as reading from "../talk/reading.ts";
import { findHeld } from "./judging.ts";
import { make, schedule } from "./making.ts";
import { findMark, noteReplaced, PATIENCE_MS } from "./returning.ts";

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

/** A group of this member that says it follows an epoch which nobody saw, or this one. */
async function forge(who: Person, gid: Id, gone: readonly Id[], lost?: Passed): Promise<void> {
  await who.core.step("forge", async (step) => {
    const chat = await step.chat(gid);
    const held = await findHeld(step, chat);
    if (held === undefined) throw new Error("nothing held");
    const { epoch, authenticator } = lost ?? { epoch: held.epoch + 5, authenticator: new Uint8Array(64) };
    const told = { gid: held.gid, epoch, authenticator, reason: Reason.STUCK };
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

/** A title of Omar's, an admin, that the owner missed and the server forgot; she brings back who is refused. */
async function loseTitle(): Promise<Four> {
  const made = await four();
  const { world, anna, omar, gid } = made;
  const restore = backUp(world);
  anna.away = true;
  await omar.core.step("rename", (step) => chats.rename(step, gid, "Pigeons"));
  await world.settle();
  world.time += 5_000;
  await restore();
  anna.away = false;
  return made;
}

/** Who saw the title is back where it never was; the epoch of it. */
async function leadBack({ world, anna, omar, cleo, mallory, gid }: Four): Promise<Passed> {
  const lost = await cleo.core.look((look) => look.findGroup(gid));
  if (lost === undefined) throw new Error("no state");
  await update(anna, gid);
  await world.settle();
  for (const one of [omar, cleo, mallory]) {
    await say(one, gid, "refused");
    await world.pass(1_000, 4);
    const { status, asking, heir, epoch } = await one.chat(gid);
    expect([status, asking, heir, epoch > lost.epoch]).toEqual(["active", null, null, true]);
  }
  return { epoch: lost.epoch, authenticator: lost.epochAuthenticator };
}

test("whoever is brought back to before a lost change follows who saw it", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTitle();
  await say(anna, gid, "as if nothing was");
  await world.settle();
  for (const one of [cleo, mallory]) {
    await say(one, gid, "refused");
    await world.settle();
    expect((await one.chat(gid)).epoch).toBeGreaterThan((await omar.chat(gid)).epoch);
  }
  await world.pass(30_000, 8);
  const fresh = (await omar.chat(gid)).merged;
  expect(fresh).not.toBe("");
  for (const one of [anna, cleo, mallory]) {
    expect((await one.chat(gid)).merged).toBe(fresh);
    expect((await one.chat(fresh)).title).toBe("Pigeons");
  }
  await say(cleo, fresh, "all read this");
  await world.settle();
  for (const one of [anna, omar, mallory]) expect(await one.texts(fresh)).toContain("all read this");
});

test.each(["an admin", "another secret", "long after", "a member", "no admin any more", "removed since"])(
  "its own secret is believed of an admin of now alone: %s",
  async (who) => {
    const made = await loseTitle();
    const { world, anna, omar, cleo, mallory, gid } = made;
    const { epoch, authenticator } = await leadBack(made);
    if (who === "long after") await world.pass(PATIENCE_MS + 86_400_000);
    if (who === "no admin any more") await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
    omar.away = who === "removed since";
    if (who === "removed since") await anna.core.step("remove", (step) => chats.removeAccount(step, gid, omar.id));
    await world.settle();
    omar.away = false;
    const secret = who === "another secret" ? new Uint8Array(authenticator.length) : authenticator;
    await forge(who === "a member" ? mallory : omar, gid, [], { epoch, authenticator: secret });
    expect((await cleo.chat(gid)).heir !== null).toBe(who === "an admin");
  },
);

test("of two that are ahead the second one says only what differs", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  const restore = backUp(world);
  cleo.away = true;
  await anna.core.step("rename", (step) => chats.rename(step, gid, "Pigeons"));
  await world.settle();
  anna.away = mallory.away = true;
  await omar.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  world.time += 5_000;
  await restore();
  omar.away = true;
  anna.away = cleo.away = mallory.away = false;
  await say(cleo, gid, "who reads this?");
  world.time += 1_000;
  await world.pass(30_000, 6);
  const first = (await cleo.chat(gid)).merged;
  expect((await codes(cleo, first)).slice(-2)).toEqual(["overtaken", "overheard"]);
  omar.away = false;
  await say(omar, gid, "two");
  await world.pass(30_000, 6);
  const last = (await cleo.chat(gid)).merged;
  expect([last !== first, last]).toEqual([true, (await omar.chat(gid)).merged]);
  expect((await codes(cleo, last)).slice(-4)).toEqual(["overtaken", "overheard", "overtaken", "removed"]);
});

const makeOne = (who: Person, gid: Id) =>
  who.core.step("make", async (step) => {
    await make(step, await step.chat(gid), Reason.STUCK);
  });

test("its maker follows it who was brought back while it was on its way", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTitle();
  omar.away = true;
  await update(anna, gid);
  const back = rows.makeIntent("readd", { account: omar.id, devices: [1] });
  await anna.core.step("back", (step) => outbox.submitIntent(step, gid, back));
  await world.settle();
  await omar.core.step("ask", (step) => readd.ask(step, gid, "refused", 60_000));
  await makeOne(omar, gid);
  await omar.bringOut();
  omar.away = false;
  await omar.turn();
  const old = await omar.chat(gid);
  expect([old.epoch, old.heir === null]).toEqual([(await anna.chat(gid)).epoch, false]);
  await world.settle();
  for (const one of [anna, cleo, mallory]) expect((await one.chat(gid)).merged).toBe(old.merged);
});

test("of two that put the same one out the second one names its maker", async () => {
  const { world, anna, omar, cleo, gid } = await loseRemoval();
  anna.away = true;
  await makeOne(anna, gid);
  await makeOne(omar, gid);
  await omar.bringOut();
  await world.settle();
  const first = (await cleo.chat(gid)).merged;
  expect((await codes(cleo, first)).slice(-2)).toEqual(["overtaken", "removed"]);
  await anna.bringOut();
  anna.away = false;
  await world.settle();
  const last = (await cleo.chat(gid)).merged;
  expect([last !== first, last]).toEqual([true, (await anna.chat(gid)).merged]);
  expect((await codes(cleo, last)).slice(-3)).toEqual(["overtaken", "removed", "overtaken"]);
});

const title = (who: Person, gid: Id, name: string) => who.core.step("rename", (step) => chats.rename(step, gid, name));

const placesOf = async (who: Person): Promise<Chat[]> =>
  (await who.core.look((look) => rows.allChats(look.tx))).filter(
    ({ kind, merged, quiet }) => kind === groups.GROUP && merged === "" && !quiet,
  );

/** Two changes that the server forgot: Anna saw the first one alone, those who are away later saw none or both. */
async function loseTwo(
  none: "cleo" | "mallory",
  second: "title" | "removal",
  read: readonly string[] = [],
): Promise<Four> {
  const made = await four();
  const { world, anna, omar, mallory, gid } = made;
  for (const text of read) await say(anna, gid, text);
  await world.settle();
  const last = (await omar.lines(gid)).at(-1)?.message_id ?? "";
  if (read.length > 0) await omar.core.step("read", (step) => reading.markRead(step, gid, last));
  const restore = backUp(world);
  made[none].away = true;
  await title(anna, gid, "Pigeons");
  await world.settle();
  anna.away = mallory.away = true;
  if (second === "title") await title(omar, gid, "Ravens");
  else await omar.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  world.time += 5_000;
  await restore();
  anna.away = made[none].away = mallory.away = false;
  return made;
}

/** All of these see the group as one chat, the same one, and read in it what is said. */
async function expectOne(world: World, gid: Id, people: readonly Person[]): Promise<Id> {
  const all = await Promise.all(people.map(placesOf));
  expect(all.map((places) => places.length)).toEqual(people.map(() => 1));
  const ids = [...new Set(all.flat().map((place) => place.gid))];
  expect([ids.length, ids.includes(gid)]).toEqual([1, false]);
  const fresh = ids[0] ?? gid;
  for (const one of people) await say(one, fresh, `from ${one.id}`);
  await world.settle();
  for (const one of people)
    expect(await one.texts(fresh)).toEqual(expect.arrayContaining(people.map(({ id }) => `from ${id}`)));
  return fresh;
}

test.each(["title", "removal"] as const)(
  "an admin who saw more makes a later one without a word: %s",
  async (second) => {
    const { world, anna, omar, cleo, mallory, gid } = await loseTwo("cleo", second, ["read", "read, too"]);
    omar.away = true;
    await say(anna, gid, "one");
    await world.pass(30_000, 6);
    const first = (await cleo.chat(gid)).merged;
    omar.away = false;
    await world.pass(30_000, 6);
    // What was said there, and nothing that he had read.
    expect((await placesOf(omar)).map(({ unread }) => unread)).toEqual([1]);
    const honest = second === "title" ? [anna, omar, cleo, mallory] : [anna, omar, cleo];
    const last = await expectOne(world, gid, honest);
    expect([last !== first, (await omar.chat(first)).merged]).toEqual([true, last]);
    if (second === "title") expect((await omar.chat(last)).title).toBe("Ravens");
    else expect(rows.accountsOf(await omar.chat(last))).not.toContain(mallory.id);
  },
);

test("what who saw less made after ours is no chat", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTwo("cleo", "title");
  anna.away = true;
  await makeOne(omar, gid);
  await world.settle();
  await makeOne(anna, gid);
  await anna.bringOut();
  anna.away = false;
  await world.pass(30_000, 6);
  const last = await expectOne(world, gid, [anna, omar, cleo, mallory]);
  expect((await anna.chat(last)).title).toBe("Ravens");
});

test("a member who saw more goes where the others are, and on with who did too", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTwo("mallory", "title");
  omar.away = true;
  await say(anna, gid, "one");
  await world.pass(30_000, 6);
  const first = await expectOne(world, gid, [anna, cleo, mallory]);
  expect([(await cleo.chat(first)).title, (await codes(cleo, first)).at(-1)]).toEqual(["Pigeons", "overtaken"]);
  omar.away = false;
  await world.pass(30_000, 6);
  const last = await expectOne(world, gid, [anna, omar, cleo, mallory]);
  expect([last !== first, (await cleo.chat(last)).title]).toEqual([true, "Ravens"]);
});

test("a member is not brought to before a removal, but on with who saw it", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTwo("mallory", "removal");
  omar.away = true;
  await say(anna, gid, "one");
  await world.pass(30_000, 6);
  expect((await cleo.chat(gid)).heir).toBeNull();
  expect((await placesOf(cleo)).map((chat) => rows.accountsOf(chat).length).sort()).toEqual([3, 4]);
  omar.away = false;
  await world.pass(30_000, 6);
  await expectOne(world, gid, [anna, omar, cleo]);
  expect(await heard(mallory)).not.toContain(`from ${cleo.id}`);
});

test.each(["title", "removal"] as const)("once the other group went on an admin goes along: %s", async (second) => {
  const { world, anna, omar, cleo, mallory, gid } = await loseTwo("cleo", second);
  omar.away = true;
  await say(anna, gid, "one");
  await world.pass(30_000, 6);
  const first = (await cleo.chat(gid)).merged;
  await update(cleo, first);
  await world.settle();
  omar.away = false;
  await world.pass(30_000, 6);
  if (second === "title") return expect(await expectOne(world, gid, [anna, omar, cleo, mallory])).toBe(first);
  const { heir } = await omar.chat(gid);
  expect(rows.accountsOf(await omar.chat(heir?.gid ?? ""))).not.toContain(mallory.id);
});

test.each([0, 1])("who was brought back out of more follows who saw less, of role %s", async (role) => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  if (role > 0) await anna.core.step("role", (step) => chats.setRole(step, gid, cleo.id, role));
  await world.settle();
  const restore = backUp(world);
  anna.away = true;
  await title(omar, gid, "Pigeons");
  await world.settle();
  omar.away = true;
  await update(cleo, gid);
  await world.settle();
  world.time += 5_000;
  await restore();
  anna.away = false;
  const { epoch } = await cleo.chat(gid);
  cleo.away = true;
  for (let n = 0; n < 2; n++) {
    await update(anna, gid);
    await world.settle();
  }
  cleo.away = false;
  await say(cleo, gid, "refused");
  await world.pass(1_000, 4);
  const back = await cleo.chat(gid);
  expect([back.epoch > epoch, back.asking, back.heir]).toEqual([true, null, null]);
  omar.away = false;
  await makeOne(omar, gid);
  await world.pass(30_000, 6);
  await expectOne(world, gid, [anna, omar, cleo, mallory]);
});

test.each(["an admin", "a member", "another secret", "an ended device", "no admin any more", "removed", "no return"])(
  "only an admin of now who knows the secret of an epoch that we saw end leads there: %s",
  async (who) => {
    const { world, anna, omar, cleo, mallory, gid } = await four();
    const restore = backUp(world);
    await title(anna, gid, "Pigeons");
    await world.settle();
    const seen = await cleo.core.look((look) => look.findGroup(gid));
    if (seen === undefined) throw new Error("no state");
    omar.away = true;
    if (who === "no admin any more") await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
    else if (who === "removed") await anna.core.step("remove", (step) => chats.removeAccount(step, gid, omar.id));
    else await title(anna, gid, "Ravens");
    await world.settle();
    world.time += 5_000;
    if (who !== "no return") await restore();
    await world.settle();
    for (const one of who === "an ended device" ? [anna, cleo] : [])
      await one.core.step("ended", async (step) => {
        await accounts.change(step, omar.id, { devices: [[2, ""]] });
      });
    omar.away = false;
    const authenticator = who === "another secret" ? new Uint8Array(32) : seen.epochAuthenticator;
    await forge(who === "a member" ? mallory : omar, gid, [], { epoch: seen.epoch, authenticator });
    const isBelieved = who === "an admin";
    expect((await cleo.chat(gid)).heir !== null).toBe(isBelieved);
    const mark = await anna.core.look((look) => findMark(look, gid));
    expect([(mark?.lower ?? []).length > 0, mark?.asked ?? false]).toEqual([isBelieved, isBelieved]);
    expect((await placesOf(anna)).length).toBe(2);
  },
);

test.each([true, false])("what a refused commit ended was not lost; who made it is proven: %s", async (isProven) => {
  const { world, cleo, mallory, gid } = await four();
  await backUp(world)();
  await world.settle();
  await cleo.core.step("lose", async (step) => {
    await readd.lose(step, gid, "refused", isProven ? mallory.id : "");
    await noteReplaced(step, await step.chat(gid));
  });
  const mark = await cleo.core.look((look) => findMark(look, gid));
  expect([mark?.epoch, mark?.replaced ?? []]).toEqual([(await cleo.chat(gid)).epoch, []]);
});

/** A commit came that this device cannot follow. offender: who is proven to have made it. */
const loseGroup = (who: Person, gid: Id, offender: Id = "") =>
  who.core.step("lose", async (step) => {
    await readd.lose(step, gid, "refused", offender);
    await schedule(step, gid);
  });

test.each(["lowered", "removed", "broken by him"])(
  "no admin goes along where ours went on against its maker: %s",
  async (since) => {
    const { world, anna, omar, cleo, gid } = await four();
    const seen = await cleo.core.look((look) => look.findGroup(gid));
    if (seen === undefined) throw new Error("no state");
    await title(anna, gid, "Pigeons");
    await world.settle();
    await backUp(world)();
    await world.settle();
    await forge(omar, gid, [], { epoch: seen.epoch, authenticator: seen.epochAuthenticator });
    const first = (await cleo.chat(gid)).merged;
    expect(first).not.toBe("");
    await update(cleo, first);
    await world.settle();
    omar.away = true;
    if (since === "lowered") await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
    if (since === "removed") await anna.core.step("remove", (step) => chats.removeAccount(step, gid, omar.id));
    await world.settle();
    await loseGroup(anna, gid, since === "broken by him" ? omar.id : "");
    await world.pass(30_000, 6);
    const { heir } = await anna.chat(gid);
    expect([heir !== null, heir?.gid === first]).toEqual([true, false]);
    const chat = await anna.chat(heir?.gid ?? "");
    expect(rows.accountsOf(chat).includes(omar.id)).toBe(since === "lowered");
    expect(groups.roleOf(chat, omar.id)).toBe(0);
  },
);

test("who cannot follow ours any more is not brought to who went out", async () => {
  const { world, anna, omar, cleo, gid } = await loseTwo("mallory", "removal");
  omar.away = true;
  await loseGroup(cleo, gid);
  await makeOne(anna, gid);
  await world.settle();
  expect((await cleo.chat(gid)).heir).toBeNull();
  expect((await placesOf(cleo)).length).toBe(2);
});

test("an epoch that ended where the server came back was not lost; a later return counts", async () => {
  const { world, anna, omar, cleo, gid } = await four();
  await backUp(world)();
  await world.settle();
  const seen = await cleo.core.look((look) => look.findGroup(gid));
  if (seen === undefined) throw new Error("no state");
  const lost = { epoch: seen.epoch, authenticator: seen.epochAuthenticator };
  await title(anna, gid, "Pigeons");
  await world.settle();
  await forge(omar, gid, [], lost);
  for (const one of [anna, cleo]) expect((await one.chat(gid)).heir).toBeNull();
  await backUp(world)();
  await world.settle();
  await forge(omar, gid, [], lost);
  expect((await cleo.chat(gid)).heir).not.toBeNull();
});
