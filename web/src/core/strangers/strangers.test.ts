/** Strangers and blocked people over a model of the delivery service; what its answers are is met in e2e/strangers. */
import "fake-indexeddb/auto";
import { expect, test, vi } from "vitest";
import { OWN_LINKS } from "../../protocol/limits.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as acts from "../rules/talk/acts.ts";
import * as accounts from "../state/accounts.ts";
import { loadDoors, noteLinks } from "../state/doors.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import type { Host } from "../verbs/handlers.ts";
import type { Opening } from "../verbs/account.ts";
import { ownVerbs } from "../verbs/lazy/account.ts";
import { talkVerbs } from "../verbs/talk.ts";
import { strangerVerbs } from "./strangers.ts";

/** As much of the leading device as these calls use. */
const hostOf = (who: Person): Host => ({ core: () => who.core, wake: () => undefined }) as unknown as Host;
const of = (who: Person) => ({ ...strangerVerbs(hostOf(who)), ...talkVerbs(hostOf(who)) });

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));

/** Every text that a device has, wherever it stands. */
const said = (who: Person): Promise<string[]> =>
  who.core.look(async (look) => {
    const found = await Promise.all((await rows.allChats(look.tx)).map(({ gid }) => who.texts(gid)));
    return found.flat();
  });

/** A stranger's DM with somebody, as its attacker's client has it: it takes its own request for a chat. */
async function ask(world: World, from: Person, to: Person, ...texts: string[]): Promise<Id> {
  world.service.strangers = true;
  await from.meet(to);
  const gid = await from.core.step("dm", (step) => chats.openDm(step, to.id));
  for (const text of texts) await say(from, gid, text);
  await world.settle();
  world.service.strangers = false;
  return gid;
}

const asked = copies(async (): Promise<{ world: World; anna: Person; zoya: Person; gid: Id }> => {
  const world = new World();
  const anna = await world.person("Anna");
  const zoya = await world.person("Zoya");
  return { world, anna, zoya, gid: await ask(world, zoya, anna, "It is me, https://evil.example/x", "two") };
});

const friends = copies(async (): Promise<{ world: World; anna: Person; eve: Person; gid: Id }> => {
  const world = new World();
  const anna = await world.person("Anna");
  const eve = await world.person("Eve");
  await anna.meet(eve);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, eve.id));
  await world.settle();
  await say(anna, gid, "salam");
  await world.settle();
  await say(eve, gid, "hello");
  await world.settle();
  return { world, anna, eve, gid };
});

test("who waits for our decision gets no list of our devices", async () => {
  const { anna, gid } = await asked();
  await anna.core.step("lists", async (step) => chats.submitLists(step, await step.chat(gid), anna.id));
  expect(await anna.core.look((look) => rows.items(look.tx, gid))).toEqual([]);
});

test("of a request one text shows, and nothing is answered", async () => {
  const { world, anna, zoya, gid } = await asked();
  const { requests, request_count, chats: list } = of(anna);
  const waiting = await requests();
  expect(waiting).toMatchObject([
    { id: gid, account: zoya.id, name: "Zoya", text: "It is me, https://evil.example/x" },
  ]);
  expect(await request_count()).toBe(1);
  expect((await list()).map(({ kind }) => kind)).toEqual(["self"]);
  await zoya.core.step("react", async (step) =>
    acts.react(step, gid, (await zoya.lines(gid))[0]?.message_id ?? "", "👍"),
  );
  await world.pass(60_000, 3);
  expect(await said(anna)).toEqual(["It is me, https://evil.example/x"]);
  expect((await zoya.lines(gid)).map(({ state }) => state)).toEqual(["sent", "sent"]);
  await expect(of(anna).chat({ id: gid })).rejects.toMatchObject({ code: "unknown-chat" });
  await expect(of(anna).send({ chat: gid, text: "no" })).rejects.toMatchObject({ code: "not-a-member" });
});

test("an accepted one is a chat like any other, through a reference like any other", async () => {
  const { world, anna, zoya, gid } = await asked();
  const before = (await anna.chat(gid)).via;
  expect((rows.bytesOf(before)[0] ?? 0) & 0x80).toBe(0x80);
  expect(await of(anna).answer_request({ id: gid, answer: "accept" })).toBe(gid);
  await world.settle();
  await say(zoya, gid, "three");
  await world.settle();
  await say(anna, gid, "welcome");
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["It is me, https://evil.example/x", "three", "welcome"]);
  expect(await zoya.texts(gid)).toContain("welcome");
  expect((rows.bytesOf((await anna.chat(gid)).via)[0] ?? 0) & 0x80).toBe(0);
  expect(await of(anna).requests()).toEqual([]);
  expect((await anna.core.look((look) => accounts.known(look, zoya.id))).contact).toBe(true);
  await expect(of(anna).answer_request({ id: gid, answer: "accept" })).rejects.toMatchObject({ code: "gone" });
});

test("a declined one is gone here and on the other device, and its reference leads nowhere", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const zoya = await world.person("Zoya");
  const laptop = await world.device(anna);
  await world.settle();
  const gid = await ask(world, zoya, anna, "hello");
  expect(await of(laptop).requests()).toHaveLength(1);
  await of(anna).answer_request({ id: gid, answer: "decline" });
  await world.settle();
  for (const device of [anna, laptop]) {
    expect(await of(device).requests()).toEqual([]);
    expect(await said(device)).toEqual([]);
    expect((await device.core.look((look) => loadDoors(look.tx))).deny).toEqual([]);
  }
  expect(world.service.denied.size).toBe(2);
  await say(zoya, gid, "again");
  await world.settle();
  expect([...(await said(anna)), ...(await said(laptop))]).toEqual([]);
  await expect(of(anna).answer_request({ id: gid, answer: "block" })).rejects.toMatchObject({ code: "gone" });
});

test("whoever was blocked by a request asks no more, by no way", async () => {
  const { world, anna, zoya, gid } = await asked();
  await of(anna).answer_request({ id: gid, answer: "block" });
  await world.settle();
  const other = await zoya.core.step("again", (step) => chats.openNewDm(step, anna.id));
  await say(zoya, other, "again");
  await zoya.core.step("group", (step) => chats.openGroup(step, "Trap", [anna.id]));
  await world.settle();
  expect(await said(anna)).toEqual([]);
  expect((await of(anna).chats()).map(({ kind }) => kind)).toEqual(["self"]);
  expect(await of(anna).blocked_people()).toEqual([{ account: zoya.id, name: "Zoya" }]);
  await expect(anna.core.step("dm", (step) => chats.openNewDm(step, zoya.id))).rejects.toMatchObject({
    code: "contact-blocked",
  });
});

test("a blocked contact's words do not show, nothing is said to them, and all others learn the new token", async () => {
  const { world, anna, eve, gid } = await friends();
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const theirs = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await say(anna, theirs, "you too");
  await world.settle();
  const old = anna.profile.profile_token;
  const tokenAt = async (who: Person) =>
    rows.idOf((await who.core.look((look) => accounts.known(look, anna.id))).contact_token);
  expect(await tokenAt(eve)).toBe(rows.idOf(old));
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await world.settle();
  const profile = await anna.core.look((look) => Promise.resolve(look.profile));
  expect(rows.idOf(profile.profile_token)).not.toBe(rows.idOf(old));
  expect(await tokenAt(omar)).toBe(rows.idOf(profile.profile_token));
  expect(await tokenAt(eve)).toBe(rows.idOf(old));
  expect((await anna.core.look((look) => loadDoors(look.tx))).token_due).toBe(false);
  await say(eve, gid, "why?");
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["salam", "hello"]);
  expect((await eve.lines(gid)).at(-1)?.state).toBe("sent");
  expect(await of(anna).chat({ id: gid })).toMatchObject({ blocked: true, may: { send: false } });
  await expect(of(anna).send({ chat: gid, text: "no" })).rejects.toMatchObject({ code: "contact-blocked" });
  await of(anna).set_blocked({ account: eve.id, blocked: false });
  await world.settle();
  await say(eve, gid, "found");
  await world.settle();
  await say(anna, gid, "again");
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["salam", "hello", "found", "again"]);
  expect(await tokenAt(eve)).toBe(rows.idOf(profile.profile_token));
});

test("at a block nothing goes out where the blocked one would see it", async () => {
  const { world, anna, eve, gid } = await friends();
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const theirs = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  const two = await anna.core.step("two", (step) => chats.openGroup(step, "Two", [eve.id]));
  const three = await anna.core.step("three", (step) => chats.openGroup(step, "Three", [eve.id, omar.id]));
  await world.settle();
  const out = new Set<Id>();
  anna.onRequest = (request) => {
    out.add(rows.idOf(request.frame.gid));
    return true;
  };
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await world.settle();
  // Alone with Anna in a group, or with others: a profile at that moment would tell her.
  expect([gid, two, three, theirs].map((chat) => out.has(chat))).toEqual([false, false, false, true]);
});

test("a new name tells nobody blocked how its bearer is reached", async () => {
  const { world, anna, eve, gid } = await friends();
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "All", [eve.id]));
  await world.settle();
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await world.settle();
  const before = await eve.core.look((look) => accounts.known(look, anna.id));
  await ownVerbs(hostOf(anna), {} as Opening).set_name({ name: "Anna Maria" });
  await world.settle();
  const after = await eve.core.look((look) => accounts.known(look, anna.id));
  expect([after.name, rows.idOf(after.contact_token)]).toEqual(["Anna Maria", rows.idOf(before.contact_token)]);
  expect((await eve.chat(group)).status).toBe("active");
  // What came into the chat of two; a line of Eve's own says there, too, that Anna has another name.
  const lines = (await eve.lines(gid)).map(({ notice }) => notice?.code);
  expect(lines.filter((code) => code !== "named").length).toBe(2);
});

test("own devices agree about who is blocked, also one that is linked later", async () => {
  const { world, anna, eve, gid } = await friends();
  const laptop = await world.device(anna);
  await world.settle();
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await world.settle();
  const phone = await world.device(anna);
  await world.settle();
  const { profile_token } = await anna.core.look((look) => Promise.resolve(look.profile));
  for (const device of [laptop, phone]) {
    expect((await of(device).blocked_people()).map(({ account }) => account)).toEqual([eve.id]);
    const profile = await device.core.look((look) => Promise.resolve(look.profile));
    expect(rows.idOf(profile.profile_token)).toBe(rows.idOf(profile_token));
  }
  await say(eve, gid, "anybody?");
  await world.settle();
  for (const device of [anna, laptop, phone]) expect(await said(device)).not.toContain("anybody?");
  await of(laptop).set_blocked({ account: eve.id, blocked: false });
  await world.settle();
  expect(await of(anna).blocked_people()).toEqual([]);
});

test("a server that went back is told the newest token and who is blocked, by every device once", async () => {
  const { world, anna, eve, gid } = await friends();
  const laptop = await world.device(anna);
  await world.settle();
  const tokenOf = async (who: Person) =>
    rows.idOf((await who.core.look((look) => Promise.resolve(look.profile))).profile_token);
  const { profile: old } = laptop;
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await world.settle();
  const token = await tokenOf(anna);
  const { puts, denied } = world.service;
  // The laptop heard of it, and brings it too: it may have been about to bring an older one.
  expect(puts.splice(0)).toEqual([token, token]);

  // As where that message was lost with the server, which numbers on as after a restore and knows of no block.
  await laptop.core.step("unheard", async (step) => {
    step.profile = await rows.saveProfile(step.tx, { ...step.profile, profile_token: old.profile_token, token_at: 0 });
    await accounts.change(step, eve.id, { blocked: false, blocked_at: 0 });
  });
  denied.clear();
  for (const device of [laptop, anna]) {
    device.mailbox.next += 2 ** 20;
    await device.restart();
  }
  await laptop.turn();
  expect(puts).toEqual([rows.idOf(old.profile_token)]);
  await world.settle();
  expect(puts.at(-1)).toBe(token);
  expect(await tokenOf(laptop)).toBe(token);
  expect(await of(laptop).blocked_people()).toMatchObject([{ account: eve.id }]);
  expect(denied).toContain((await anna.chat(gid)).via);

  puts.length = 0;
  for (const device of [laptop, anna]) await device.restart();
  await world.settle();
  expect(puts).toEqual([]);
});

test("a server that went back is told of each link of now once, those that ended among them", async () => {
  const { world, anna } = await friends();
  const { links } = world.service;
  const now = (await anna.core.look((look) => Promise.resolve(look.now))) / 1000;
  const note = (hash: Id, uses: number, expires = now + 3600) =>
    anna.core.step("links", (step) => noteLinks(step.tx, [{ hash, uses, expires }], step.now));
  await note("over", 20, now - 1);
  await note("many", 20);
  await note("ended", 1);
  await note("many", 17); // as the server's list said
  await note("ended", 0);
  await world.settle();
  expect(links).toEqual([]);

  anna.mailbox.next += 2 ** 20;
  await anna.restart();
  await anna.turn();
  // A list from before the server heard of it takes nothing back.
  await note("ended", 1);
  await world.settle();
  expect(new Map(links)).toEqual(
    new Map([
      ["many", 17],
      ["ended", 0],
    ]),
  );
  links.length = 0;
  await anna.restart();
  await world.settle();
  expect(links).toEqual([]);
});

test("of links, so many are kept as a device may have to tell", async () => {
  const { anna } = await friends();
  const now = (await anna.core.look((look) => Promise.resolve(look.now))) / 1000;
  const listed = Array.from({ length: OWN_LINKS + 2 }, (_, n) => ({ hash: `link${n}`, uses: 1, expires: now + 60 }));
  await anna.core.step("links", (step) => noteLinks(step.tx, listed, step.now));
  const kept = (await anna.core.look((look) => loadDoors(look.tx))).links;
  expect([kept.length, kept.at(-1)?.hash, kept[0]?.hash]).toEqual([OWN_LINKS, `link${OWN_LINKS + 1}`, "link2"]);
});

test("of links, those that admit nobody are forgotten first, as by the server: what admits somebody is kept", async () => {
  const { anna } = await friends();
  const now = (await anna.core.look((look) => Promise.resolve(look.now))) / 1000;
  const many = (name: string, uses: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ hash: `${name}${n}`, uses, expires: now + (uses > 0 ? 60 : 9000 - n) }));
  const live = many("live", 1, OWN_LINKS / 2);
  const over = many("over", 0, OWN_LINKS);
  await anna.core.step("links", (step) => noteLinks(step.tx, [...live, ...over], step.now));
  const kept = (await anna.core.look((look) => loadDoors(look.tx))).links.map(({ hash }) => hash);
  expect(kept).toEqual([...live, ...over.slice(0, OWN_LINKS / 2)].map(({ hash }) => hash));
});

test("nobody blocks themselves, and somebody whose name looks like a contact's is told apart", async () => {
  const { world, anna } = await friends();
  await expect(of(anna).set_blocked({ account: anna.id, blocked: true })).rejects.toMatchObject({
    code: "not-permitted",
  });
  const twin = await world.person("E\u200Bve ");
  await ask(world, twin, anna, "hi");
  expect(await of(anna).requests()).toMatchObject([{ resembles: "Eve" }]);
});

/** A request as this client makes it: answered once the server has it, or refuses it. */
async function request(world: World, from: Person, to: Person, text: string): Promise<Id> {
  world.service.strangers = true;
  try {
    return await answered(world, of(from).request_contact({ account: to.id, name: to.profile.name, text }));
  } finally {
    world.service.strangers = false;
  }
}

/** What comes of a call that waits for the server, while everybody does what there is to do. */
async function answered<T>(world: World, call: Promise<T>): Promise<T> {
  let over = false;
  const asked = call.finally(() => (over = true));
  asked.catch(() => undefined);
  while (!over) {
    await world.settle();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return asked;
}

const twoStrangers = copies(async (): Promise<{ world: World; anna: Person; boris: Person }> => {
  const world = new World();
  return { world, anna: await world.person("Anna"), boris: await world.person("Boris") };
});

const lineOf = async (who: Person, gid: Id) => (await of(who).chats()).find(({ id }) => id === gid);

test("of a request of ours one text goes out; what is said more follows the yes", async () => {
  const { world, anna, boris } = await twoStrangers();
  const laptop = await world.device(boris);
  await world.settle();
  const gid = await request(world, boris, anna, "Boris from the library");
  expect(await of(anna).requests()).toMatchObject([
    { account: boris.id, name: "Boris", text: "Boris from the library" },
  ]);
  expect(await lineOf(boris, gid)).toMatchObject({ title: "Anna", pending: true });
  await say(boris, gid, "are you there?");
  await boris.core.step("edit", async (step) =>
    acts.edit(step, gid, (await boris.lines(gid))[0]?.message_id ?? "", "another text"),
  );
  await world.pass(60_000, 3);
  expect(await said(anna)).toEqual(["Boris from the library"]);
  const written = (await boris.lines(gid)).filter(({ notice }) => notice === null);
  expect(written.map(({ state }) => state)).toEqual(["sent", "queued"]);
  expect(await lineOf(laptop, gid)).toMatchObject({ pending: true });
  expect(await boris.core.look((look) => rows.allAccounts(look.tx).then((all) => all.some((one) => one.contact)))).toBe(
    false,
  );
  await of(anna).answer_request({ id: gid, answer: "accept" });
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["another text", "are you there?"]);
  for (const device of [boris, laptop]) expect(await lineOf(device, gid)).toMatchObject({ pending: false });
  await say(anna, gid, "welcome");
  await world.settle();
  expect(await laptop.texts(gid)).toContain("welcome");
});

const written = async (who: Person, gid: Id) => (await who.lines(gid)).filter(({ notice }) => notice === null);

test("what follows waits also where the first text was deleted, or another device of ours sent it", async () => {
  const { world, anna, boris } = await twoStrangers();
  const laptop = await world.device(boris);
  await world.settle();
  const gid = await request(world, boris, anna, "one");
  for (const [device, text] of [
    [boris, "two"],
    [laptop, "three"],
  ] as const) {
    const [line] = await written(device, gid);
    await device.core.step("delete", (step) => acts.deleteForMe(step, gid, line?.message_id ?? ""));
    await say(device, gid, text);
  }
  await world.settle();
  for (const device of [boris, laptop])
    expect((await written(device, gid)).map(({ state }) => state)).toEqual(["queued"]);
  await of(anna).answer_request({ id: gid, answer: "accept" });
  await world.settle();
  expect((await anna.texts(gid)).sort()).toEqual(["one", "three", "two"]);
});

test("a refused request says so and leaves no chat; a second one may be tried", async () => {
  const { world, anna, boris } = await twoStrangers();
  world.service.refused.add(anna.id);
  await expect(request(world, boris, anna, "hello")).rejects.toMatchObject({ code: "not-allowed" });
  expect((await of(boris).chats()).map(({ kind }) => kind)).toEqual(["self"]);
  world.service.refused.clear();
  const gid = await request(world, boris, anna, "hello again");
  expect(await of(anna).requests()).toMatchObject([{ id: gid, text: "hello again" }]);
});

test("asking twice is one request, and who asked us is accepted by our asking", async () => {
  const { world, anna, boris } = await twoStrangers();
  const gid = await request(world, boris, anna, "one");
  const again = of(boris).request_contact({ account: anna.id, name: "Anna", text: "two" });
  again.catch(() => undefined);
  await vi.waitFor(async () => expect(await boris.texts(gid)).toContain("two"));
  await world.settle();
  expect((await of(boris).chats()).filter(({ kind }) => kind === "dm")).toHaveLength(1);
  const asked = of(anna).request_contact({ account: boris.id, name: "Boris", text: "I know you" });
  expect(await answered(world, asked)).toBe(gid);
  expect(await answered(world, again)).toBe(gid);
  expect(await anna.texts(gid)).toEqual(["one", "I know you", "two"]);
});

test.each([
  ["", "malformed"],
  [" \n", "malformed"],
  ["ж".repeat(1025), "text-too-long"],
])("%j is no request", async (text, code) => {
  const { anna, boris } = await twoStrangers();
  const whom = { account: anna.id, name: "Anna", text };
  await expect(of(boris).request_contact(whom)).rejects.toMatchObject({ code });
  await expect(of(boris).request_contact({ ...whom, account: boris.id, text: "me" })).rejects.toMatchObject({
    code: "bad-link",
  });
});

test("who is blocked is not asked", async () => {
  const { anna, eve } = await friends();
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  const whom = { account: eve.id, name: "Eve", text: "hello" };
  await expect(of(anna).request_contact(whom)).rejects.toMatchObject({ code: "contact-blocked" });
});

test("a Welcome into a group where somebody is blocked tells no token of ours", async () => {
  const { world, anna, eve } = await friends();
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [eve.id]));
  await world.settle();
  await of(anna).set_blocked({ account: eve.id, blocked: true });
  await anna.core.step("add", (step) => chats.addAccount(step, group, omar.id));
  await world.settle();
  expect((await omar.chat(group)).status).toBe("active");
  expect(await omar.core.look((look) => accounts.known(look, anna.id))).toMatchObject({
    name: "Anna",
    contact_token: new Uint8Array(),
  });
});
