/** A group that cannot go on is followed by another one, and stays one chat. Twin of tests/client/test_successors. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { changeSettings, type Predecessor } from "../../../protocol/chat/extensions.ts";
import { Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../../protocol/limits.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { commitNothing, commitSettings } from "../../testing/forging.ts";
import { type Four, four } from "../../testing/four.ts";
import type { Person } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import { takeWelcome } from "../joining.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";
import * as arranging from "../talk/arranging.ts";
import * as reading from "../talk/reading.ts";
import { findHeld } from "./judging.ts";
import { make } from "./making.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", async (step) => messages.submitText(step, (await chats.checkMember(step, gid)).gid, text));

/** The groups that a person sees as chats. */
const listed = (who: Person): Promise<Chat[]> =>
  who.core.look(async (look) =>
    (await rows.allChats(look.tx)).filter((c) => c.kind === groups.GROUP && c.merged === "" && !c.quiet),
  );

async function place(who: Person): Promise<Chat> {
  const [found, ...more] = await listed(who);
  if (found === undefined || more.length > 0) throw new Error(`${who.profile.name} sees ${more.length + 1} chats`);
  return found;
}

const notices = async (who: Person, gid: Id) => (await who.lines(gid)).flatMap(({ notice }) => notice?.code ?? []);

test("bytes that no member can open, and a later epoch, are mended like a commit that is refused", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  mallory.away = true;
  await commitNothing(mallory, gid);
  await say(cleo, gid, "meanwhile");
  await world.settle();
  await world.pass(30_000, 3);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  for (const one of [anna, omar, cleo]) {
    expect((await place(one)).gid).toBe(fresh);
    expect(await one.texts(fresh)).toEqual(["meanwhile"]);
  }
});

test("a false Welcome does not keep a broken group from being mended", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  await commitSettings(mallory, gid, { name: "Mallory's" });
  for (const one of [anna, omar, cleo]) {
    await one.turn();
    await one.core.step("slip", (step) => takeWelcome(step, gid, 9, new TextEncoder().encode("no Welcome")));
  }
  await say(cleo, gid, "meanwhile");
  await world.pass(300_000, 5);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  for (const one of [anna, omar, cleo]) expect(await one.texts(fresh)).toEqual(["meanwhile"]);
});

test("whoever is brought back unasked by a false Welcome asks at once", async () => {
  const { world, anna, cleo, mallory, gid } = await four();
  mallory.onRequest = ({ frame }) => {
    if (frame.type !== "Commit") return true;
    world.service.take({ ...frame, welcome: new TextEncoder().encode("no Welcome") });
    return false;
  };
  const intent = rows.makeIntent("readd", { account: anna.id, devices: [1] });
  await mallory.core.step("readd", (step) => outbox.submitIntent(step, gid, intent));
  await world.settle();
  expect((await anna.chat(gid)).status).toBe("active");
  await say(anna, gid, "back");
  await world.settle();
  expect(await cleo.texts(gid)).toEqual(["back"]);
});

test.each(["alarm", "gone"])("a member with whom no chat is begun (%s) stops nothing that is due", async (field) => {
  const { cleo, mallory, gid } = await four();
  await cleo.core.step("ask the last one", async (step) => {
    await accounts.change(step, mallory.id, { [field]: true });
    const asked = rows.accountsOf(await step.chat(gid)).filter((who) => who !== mallory.id);
    const asking = { last_epoch: 1, reason: "gap", asked, next_at: step.now, heard: false };
    await step.changeChat(gid, { asking });
  });
  await cleo.core.tick();
  expect((await cleo.chat(gid)).asking).toMatchObject({ asked: [], next_at: cleo.world.time + 60_000 });
});

test("a forged commit costs half a minute and no message, and puts out who made it", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  const first = await say(omar, gid, "before");
  await world.settle();
  await cleo.core.step("read", (step) => reading.markRead(step, gid, first));
  await cleo.core.step("pin", (step) => arranging.pin(step, gid));
  expect((await commitSettings(mallory, gid, { name: "Mallory's" })).type).toBe("Ok");
  await say(cleo, gid, "meanwhile");
  await world.settle();
  expect(await cleo.chat(gid)).toMatchObject({ status: "lost", asking: { reason: "refused" } });
  await world.pass(30_000, 6);
  const people = [anna, omar, cleo].map(({ id }) => id).sort();
  for (const one of [anna, omar, cleo]) {
    const chat = await place(one);
    expect(chat.gid).toBe((await place(anna)).gid);
    expect([...rows.accountsOf(chat)].sort()).toEqual(people);
    expect(await one.texts(chat.gid)).toEqual(["before", "meanwhile"]);
    expect(await notices(one, chat.gid)).toContain("repaired");
    expect(chat.put_out).toEqual([mallory.id]); // no link lets her in again at once
    expect(chat).toMatchObject({ title: "Trip", unread: one === cleo ? 0 : chat.unread });
  }
  const pins = await cleo.core.look((look) => arranging.pins(look));
  expect(pins.map(({ id }) => id)).toEqual([(await place(cleo)).gid]);
  await say(anna, gid, "after");
  await world.settle();
  expect(await cleo.texts((await place(cleo)).gid)).toEqual(["before", "meanwhile", "after"]);
});

test("an admin who is away is followed by the next one, and comes along later", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  anna.away = true;
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  await world.pass(40_000, 8);
  expect((await place(omar)).gid).toBe((await place(cleo)).gid);
  anna.away = false;
  await say(cleo, gid, "hello");
  await world.settle();
  expect(await anna.texts((await place(anna)).gid)).toEqual(["hello"]);
  expect((await place(anna)).gid).toBe((await place(omar)).gid);
});

/** A group that a hostile client makes in the place of the old one: settings as `change` has them, these people. */
async function forge(by: Person, gid: Id, people: readonly Person[], change = (data: Uint8Array) => data): Promise<Id> {
  return by.core.step("forge", async (step) => {
    const group = await step.loadGroup(gid);
    const named: Predecessor = {
      gid: rows.bytesOf(gid),
      epoch: group.epoch,
      authenticator: group.epochAuthenticator,
      reason: Reason.STUCK,
    };
    const data = withPredecessor(groups.findSettings(group.extensions), named);
    return chats.begin(
      step,
      change(data),
      people.map(({ id }) => id),
      SUITE_XWING,
    );
  });
}

test("what is not the old group's people, settings and maker is another chat", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  const roles = [{ account: rows.bytesOf(omar.id), role: groups.OWNER }];
  const forged = [
    await forge(omar, gid, [anna, cleo]),
    await forge(cleo, gid, [anna, omar, mallory]),
    await forge(omar, gid, [anna, cleo, mallory], (data) => changeSettings(data, { roles })),
  ];
  await world.settle();
  expect(await anna.chat(gid)).toMatchObject({ status: "active", merged: "", heir: null });
  const seen = (await listed(anna)).map((chat) => chat.gid);
  expect(seen).toEqual(expect.arrayContaining([gid, ...forged]));
});

test("an epoch that is over does not come back", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  const old = await omar.core.look((look) => look.findGroup(gid));
  await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
  await world.settle();
  if (old === undefined) throw new Error("no group");
  const named = { gid: rows.bytesOf(gid), epoch: old.epoch, authenticator: old.epochAuthenticator, reason: 1 };
  const data = withPredecessor(groups.findSettings(old.extensions), named);
  await omar.core.step("forge", (step) => chats.begin(step, data, [anna.id, cleo.id, mallory.id], SUITE_XWING));
  await world.settle();
  expect(await anna.chat(gid)).toMatchObject({ status: "active", merged: "", heir: null });
  expect((await listed(anna)).length).toBe(2);
});

/** A second device of Anna's, in the group and known to all. */
async function linked({ world, anna, omar, cleo, mallory, gid }: Four): Promise<Person> {
  const laptop = await world.device(anna);
  await world.settle();
  for (const other of [omar, cleo, mallory]) {
    await laptop.meet(other);
    await other.meet(anna);
  }
  expect((await laptop.chat(gid)).status).toBe("active");
  return laptop;
}

test.each(["a contact who guesses the epoch", "a member who knows it"])(
  "a sibling that took it for another chat lends no word to %s",
  async (who) => {
    const all = await four();
    const { world, anna, mallory, gid } = all;
    const laptop = await linked(all);
    const group = await mallory.core.step("hold", (step) => step.loadGroup(gid));
    const isMember = who.startsWith("a member");
    if (!isMember) await anna.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
    await world.settle();
    const told = isMember
      ? { epoch: group.epoch, authenticator: group.epochAuthenticator, reason: Reason.STUCK }
      : { epoch: 0, authenticator: new Uint8Array(32), reason: Reason.RESIZE };
    const data = withPredecessor(groups.findSettings(group.extensions), { gid: rows.bytesOf(gid), ...told });
    world.service.absent.add(`${anna.id}/2`);
    const forged = await mallory.core.step("forge", (step) => chats.begin(step, data, [anna.id], SUITE_XWING));
    await world.settle();
    world.service.absent.clear();
    const intent = rows.makeIntent("add-device", { account: anna.id, devices: [2] });
    await anna.core.step("bring in", (step) => outbox.submitIntent(step, forged, intent));
    await world.settle();
    expect((await laptop.chat(forged)).status).toBe("active");
    await say(laptop, gid, "for the group");
    await world.settle();
    expect(await laptop.chat(gid)).toMatchObject({ status: "active", merged: "", heir: null });
    expect(await mallory.texts(forged)).toEqual([]);
  },
);

test("a device of later follows its sibling into a true successor", async () => {
  const all = await four();
  const { world, anna, omar, mallory, gid } = all;
  const laptop = await linked(all);
  laptop.away = true;
  world.service.absent.add(`${anna.id}/2`);
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  await anna.core.step("due", (step) => step.changeChat(gid, { mend_at: step.now }));
  omar.away = true; // he would be faster
  await world.pass(50_000, 25);
  omar.away = false;
  await world.settle();
  const fresh = (await place(anna)).gid;
  expect((await place(omar)).gid).toBe(fresh);
  expect(fresh).not.toBe(gid);
  await omar.core.step("name", (step) => chats.rename(step, fresh, "Swifts"));
  await world.settle();
  world.service.absent.clear();
  await world.settle();
  expect((await anna.chat(fresh)).epoch).toBeGreaterThan(2);
  laptop.away = false;
  await say(laptop, gid, "at last");
  await world.settle();
  expect(await place(laptop)).toMatchObject({ gid: fresh, title: "Swifts" });
  expect(await omar.texts(fresh)).toEqual(["at last"]);
});

test("of two successors the one of the lowest leaf stays", async () => {
  const { world, anna, omar, cleo, gid } = await four();
  await say(cleo, gid, "before");
  await world.settle();
  for (const one of [omar, anna]) await one.core.step("make", async (step) => make(step, await step.chat(gid), 1));
  await world.settle();
  const chosen = (await place(anna)).gid;
  for (const one of [anna, omar, cleo]) {
    expect((await place(one)).gid).toBe(chosen);
    expect(await one.texts(chosen)).toEqual(["before"]);
  }
  const made = await anna.core.look(async (look) => (await rows.allChats(look.tx)).find((c) => c.gid === chosen));
  expect(made?.own_leaf).toBe(0);
  await say(cleo, gid, "after");
  await world.settle();
  expect(await omar.texts(chosen)).toEqual(["before", "after"]);
});

test.each(["Anna", "Cleo"])("whom %s's successor put out does not come back by a second one", async (maker) => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  await anna.core.step("role", (step) => chats.setRole(step, gid, cleo.id, groups.ADMIN));
  await world.settle();
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  // The leaf of Omar's device is above Anna's and below Cleo's.
  await (maker === "Anna" ? anna : cleo).core.step("due", (step) => step.changeChat(gid, { mend_at: step.now }));
  await world.pass(4_000, 4);
  const held = await omar.core.look(async (look) => findHeld(look, await look.chat(gid)));
  const fresh = (await place(anna)).gid;
  await anna.core.step("remove", (step) => chats.removeAccount(step, fresh, omar.id));
  await world.settle();
  if (held === undefined) throw new Error("nothing held");
  expect(rows.accountsOf(await place(cleo))).toHaveLength(2);
  const { epoch, authenticator } = held;
  const named = { gid: rows.bytesOf(gid), epoch, authenticator, reason: Reason.STUCK };
  const data = withPredecessor(held.settings, named);
  const forged = await omar.core.step("forge", (step) => chats.begin(step, data, [anna.id, cleo.id], SUITE_XWING));
  await world.settle();
  await say(omar, forged, "I am back");
  await world.settle();
  for (const one of [anna, cleo]) {
    expect(await one.chat(gid)).toMatchObject({ merged: fresh, heir: { gid: fresh } });
    expect(new Set((await listed(one)).map((chat) => chat.gid))).toEqual(new Set([fresh, forged]));
    expect(await one.texts(fresh)).toEqual([]);
  }
});

test("a successor without somebody is not followed by its maker", async () => {
  const { world, anna, omar, cleo, gid } = await four();
  const fresh = await anna.core.step("make", async (step) => make(step, await step.chat(gid), Reason.STUCK));
  await anna.core.step("lose one", async (step) => {
    for (const [n, item] of await rows.items(step.tx, fresh)) {
      const { intent } = item;
      if (intent === null) continue;
      const accounts = intent.accounts.filter((who) => who !== cleo.id);
      await outbox.changeItem(step, n, item, { intent: { ...intent, accounts } });
    }
  });
  await world.settle();
  for (const one of [anna, omar, cleo]) expect((await one.chat(gid)).heir).toBeNull();
  expect((await anna.chat(fresh)).status).toBe("left");
});

test("a successor of a large group waits for everybody", async () => {
  const { anna, cleo, gid } = await four();
  const fresh = await anna.core.step("make", async (step) => make(step, await step.chat(gid), Reason.STUCK));
  await anna.core.step("large", async (step) => {
    await step.changeChat(fresh, { suite: SUITE_RFC1 });
    for (const [n, item] of await rows.items(step.tx, fresh))
      await outbox.changeItem(step, n, item, { at: step.now - 121_000 });
  });
  const want = (await anna.core.wants()).find((one) => one.want === "claim" && one.account === cleo.id);
  if (want?.want !== "claim") throw new Error("nothing is claimed");
  await anna.core.takeClaim(want, { list_seq: 0, clients: [] });
  const adds = (await anna.core.look((look) => rows.items(look.tx, fresh))).flatMap(([, { intent, state }]) =>
    intent?.op === "add" ? [[state, intent.accounts.includes(cleo.id)]] : [],
  );
  expect(adds).toEqual([["failed", true]]);
});
