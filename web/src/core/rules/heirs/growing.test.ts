/** Room for more than 128 devices: a group goes on in another one, whatever happens meanwhile. Twin of tests/client/test_growing.py. */
import "fake-indexeddb/auto";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { changeSettings } from "../../../protocol/chat/extensions.ts";
import { Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import { parseGroupLink } from "../../../protocol/identity/grouplinks.ts";
import { SUITE_RFC1, SUITE_XWING, XWING_LEAVES } from "../../../protocol/limits.ts";
import { randomBytes } from "../../crypto.ts";
import * as asking from "../../joins/asking.ts";
import { urlOf, workOff } from "../../joins/joins.ts";
import * as requests from "../../joins/requests.ts";
import * as accounts from "../../state/accounts.ts";
import { loadJoins } from "../../state/joins.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { tabOf } from "../../testing/host.ts";
import { type Person, World } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import { grow } from "./growing.ts";

let begun: World;
let trip: Id;
let world: World;
let anna: Person;
let omar: Person;
let cleo: Person;
let gid: Id;

/** Anna's group with Omar, an admin, and Cleo, a member: made once, copied for each test. */
beforeAll(async () => {
  begun = new World();
  const people = [await begun.person("Anna"), await begun.person("Omar"), await begun.person("Cleo")] as const;
  const [first, second, third] = people;
  for (const one of people) for (const other of people) if (one !== other) await one.meet(other);
  trip = await first.core.step("group", (step) => chats.openGroup(step, "Trip", [second.id, third.id]));
  await begun.settle();
  await first.core.step("role", (step) => chats.setRole(step, trip, second.id, groups.ADMIN));
  await begun.settle();
});

beforeEach(async () => {
  world = await begun.copy();
  gid = trip;
  [anna, omar, cleo] = world.people as [Person, Person, Person];
});

const start = (who: Person) => who.core.step("grow", (step) => grow(step, gid));
const say = (who: Person, text: string) =>
  who.core.step("say", async (step) => messages.submitText(step, (await chats.checkMember(step, gid)).gid, text));
const listed = (who: Person): Promise<Chat[]> =>
  who.core.look(async (look) =>
    (await rows.allChats(look.tx)).filter((c) => c.kind === groups.GROUP && c.merged === "" && !c.quiet),
  );

/** The only group that a person sees. */
async function place(who: Person): Promise<Chat> {
  const [found, ...more] = await listed(who);
  if (found === undefined || more.length > 0) throw new Error(`${who.profile.name} sees ${more.length + 1} chats`);
  return found;
}

const grownBy = async (who: Person) =>
  (await who.lines((await place(who)).gid)).flatMap(({ notice }) => (notice?.code === "grown" ? [notice.by] : []));

/** All are in one group of the first suite, with these people; its id. */
async function expectGrown(people: readonly Person[]): Promise<Id> {
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  for (const one of people) {
    const chat = await place(one);
    expect(chat).toMatchObject({ gid: fresh, suite: SUITE_RFC1, status: "active", forebear: gid });
    expect([...rows.accountsOf(chat)].sort()).toEqual(people.map(({ id }) => id).sort());
  }
  return fresh;
}

test("a group is one chat with what was said before, and everybody reads who weakened it", async () => {
  await say(cleo, "before");
  await world.settle();
  const laptop = await world.device(anna);
  await world.settle();
  cleo.away = true;
  const tab = tabOf(anna);
  expect(await tab.call.chat({ id: gid })).toMatchObject({ may: { grow: true }, quantum: "protected" });
  await tab.call.grow_group({ chat: gid });
  expect((await tab.call.chat({ id: gid })).growth).toEqual({});
  await say(omar, "meanwhile");
  await world.settle();
  cleo.away = false;
  await world.settle();
  const fresh = await expectGrown([anna, omar, cleo]);
  expect(await place(laptop)).toMatchObject({ gid: fresh, suite: SUITE_RFC1 });
  const view = await tab.call.chat({ id: gid });
  expect(view).toMatchObject({ id: fresh, may: { grow: false, add: true }, quantum: "small" });
  expect(view.growth).toBeUndefined();
  for (const one of [anna, omar, cleo, laptop]) {
    expect(await grownBy(one)).toEqual([anna.id]);
    await say(one, `from ${one.profile.name}`);
  }
  await world.settle();
  for (const one of [anna, omar, cleo])
    expect(await one.texts(fresh)).toEqual(
      expect.arrayContaining(["before", "meanwhile", "from Anna", "from Omar", "from Cleo"]),
    );
});

test("only an admin of a protected group makes room, and of people who are introduced", async () => {
  await expect(start(cleo)).rejects.toMatchObject({ code: "not-permitted" });
  await anna.core.step("forget", (step) => accounts.change(step, cleo.id, { contact_token: new Uint8Array() }));
  await expect(start(anna)).rejects.toMatchObject({ code: "not-introduced" });
  await start(omar);
  await world.settle();
  await expectGrown([anna, omar, cleo]);
  await expect(start(anna)).rejects.toMatchObject({ code: "not-allowed" });
});

test("who finds no room is told at once, and finds it afterwards", async () => {
  const dina = await world.person("Dina");
  await anna.meet(dina);
  const fill = (step: Parameters<typeof chats.addAccount>[0], chat: Chat) => {
    const more = Array.from({ length: XWING_LEAVES - chat.members.length }, (_, at) => {
      return { leaf: 1000 + at, account: rows.idOf(randomBytes(16)), device: 1, added: 1 };
    });
    return step.changeChat(chat.gid, { members: [...chat.members, ...more] });
  };
  const before = (await anna.chat(gid)).members;
  await anna.core.step("full", async (step) => {
    await fill(step, await step.chat(gid));
    await expect(chats.addAccount(step, gid, dina.id)).rejects.toMatchObject({ code: "group-full" });
    await step.changeChat(gid, { members: before });
  });
  await start(anna);
  await world.settle();
  const { gid: fresh } = await place(anna);
  await anna.core.step("large", async (step) => {
    const chat = await step.chat(fresh);
    await fill(step, chat);
    await chats.addAccount(step, gid, dina.id);
    await step.changeChat(fresh, { members: chat.members });
  });
  await world.settle();
  expect(rows.accountsOf(await place(omar))).toContain(dina.id);
});

test("a commit that was faster wins: nobody sees the attempt, and the next one succeeds", async () => {
  await start(anna);
  anna.onRequest = ({ frame }) => frame.type !== "Commit";
  await world.settle();
  await omar.core.step("name", (step) => chats.rename(step, gid, "Swifts"));
  await world.settle();
  expect(await anna.chat(gid)).toMatchObject({ title: "Swifts", growing: 1, heir: null });
  let attempts = 0;
  anna.onRequest = ({ frame }) => {
    attempts += Number(frame.type === "Commit");
    return true;
  };
  await world.settle();
  expect(attempts).toBe(2);
  await expectGrown([anna, omar, cleo]);
  expect((await place(cleo)).title).toBe("Swifts");
  expect(await grownBy(cleo)).toEqual([anna.id]);
});

test("an attempt of which nothing left yet is begun anew before it goes", async () => {
  anna.away = true;
  await start(anna);
  await omar.core.step("name", (step) => chats.rename(step, gid, "Swifts"));
  await world.settle();
  let attempts = 0;
  anna.onRequest = ({ frame }) => {
    attempts += Number(frame.type === "Commit");
    return true;
  };
  anna.away = false;
  await world.settle();
  expect(attempts).toBe(1);
  await expectGrown([anna, omar, cleo]);
});

test("a group that changes each time is told after three attempts, and can be tried again", async () => {
  const tab = tabOf(anna);
  await start(anna);
  let round = 0;
  for (; round < 3; round++) {
    anna.onRequest = ({ frame }) => frame.type !== "Commit";
    await world.settle();
    await omar.core.step("name", (step) => chats.rename(step, gid, `Trip ${round}`));
    await world.settle();
    let sent = false;
    anna.onRequest = ({ frame }) => {
      if (frame.type !== "Commit") return true;
      const first = !sent;
      sent = true;
      return first;
    };
    await world.settle();
  }
  expect(await anna.chat(gid)).toMatchObject({ growing: 3, heir: null, status: "active" });
  expect((await tab.call.chat({ id: gid })).growth).toEqual({ failed: "stale-epoch" });
  anna.onRequest = () => true;
  for (const one of [anna, omar, cleo]) expect((await place(one)).gid).toBe(gid);
  await start(anna);
  await world.settle();
  await expectGrown([anna, omar, cleo]);
});

test("a commit that came too late changes nothing that people see, and what it was for is done in the new group", async () => {
  const dina = await world.person("Dina");
  await omar.meet(dina);
  omar.away = true;
  await start(anna);
  await world.settle();
  const fresh = (await place(cleo)).gid;
  await omar.core.step("late", async (step) => {
    await chats.rename(step, gid, "Swifts");
    await chats.addAccount(step, gid, dina.id);
  });
  await omar.sendFirst();
  await say(cleo, "between");
  await world.settle();
  omar.away = false;
  await world.settle();
  const people = [anna, omar, cleo, dina];
  for (const one of people) {
    expect(await one.chat(fresh)).toMatchObject({ title: "Swifts", status: "active" });
    expect(rows.accountsOf(await one.chat(fresh))).toHaveLength(people.length);
  }
  for (const one of [anna, omar, cleo]) {
    expect((await place(one)).gid).toBe(fresh);
    const said = (await one.lines(fresh)).flatMap(({ notice }) => (notice?.code === "renamed" ? [notice.text] : []));
    expect(said).toEqual(["Swifts"]);
  }
  expect(await omar.texts(fresh)).toEqual(["between"]);
});

test("who was added to the old group meanwhile is heard from there too", async () => {
  const dina = await world.person("Dina");
  await omar.meet(dina);
  omar.away = true;
  await omar.core.step("late", (step) => chats.addAccount(step, gid, dina.id));
  // The packages are there and the commit is sealed; it goes out behind the new group.
  omar.onRequest = ({ frame }) => frame.type !== "Commit";
  omar.away = false;
  await world.settle();
  omar.away = true;
  await start(anna);
  await world.settle();
  omar.onRequest = () => true;
  await omar.sendFirst();
  omar.away = false;
  await world.settle();
  const fresh = (await place(anna)).gid;
  expect((await listed(dina)).map((chat) => chat.gid).sort()).toEqual([gid, fresh].sort());
  for (const chat of [gid, fresh])
    await dina.core.step("say", (step) => messages.submitText(step, chat, chat === gid ? "from before" : "from now"));
  await world.settle();
  for (const one of [anna, omar, cleo]) {
    expect((await place(one)).gid).toBe(fresh);
    expect((await one.texts(fresh)).sort()).toEqual(["from before", "from now"]);
    expect(rows.accountsOf(await place(one))).toHaveLength(4);
  }
});

test("whoever is put out later is not heard from the group of before", async () => {
  cleo.away = true;
  await start(anna);
  await world.settle();
  const { gid: fresh } = await place(anna);
  await anna.core.step("remove", (step) => chats.removeAccount(step, fresh, cleo.id));
  await world.settle();
  await say(cleo, "let me in");
  await cleo.sendFirst();
  await world.settle();
  for (const one of [anna, omar]) expect(await one.texts(fresh)).toEqual([]);
});

test("what was claimed serves the next attempt", async () => {
  const asked: Id[] = [];
  const honest = world.service.claim.bind(world.service);
  world.service.claim = (want, stranger) => {
    if (want.account === cleo.id && omar.away) return { list_seq: 0, clients: [] };
    asked.push(want.account);
    return honest(want, stranger);
  };
  omar.away = true;
  await start(anna);
  await anna.turn();
  omar.away = false;
  await omar.core.step("name", (step) => chats.rename(step, gid, "Swifts"));
  await world.settle();
  await expectGrown([anna, omar, cleo]);
  expect((await place(cleo)).title).toBe("Swifts");
  expect(asked.filter((who) => who === omar.id)).toHaveLength(1);
});

test("what failed stays told and is not begun anew by itself, as the group would be weakened unasked", async () => {
  const tab = tabOf(anna);
  const growth = async () => (await tab.call.chat({ id: gid })).growth;
  world.service.refused.add(cleo.id);
  await start(anna);
  await world.settle();
  expect(await growth()).toEqual({ failed: "not-allowed" });
  world.service.refused.clear();
  for (const title of ["Swifts", "Doves"]) {
    await omar.core.step("name", (step) => chats.rename(step, gid, title));
    await world.settle();
    expect(await growth()).toEqual({ failed: "not-allowed" });
  }
  for (const one of [anna, omar, cleo]) expect(await place(one)).toMatchObject({ gid, suite: SUITE_XWING });
  await start(anna);
  await world.settle();
  await expectGrown([anna, omar, cleo]);
});

test("no next attempt is made where somebody cannot be reached any more", async () => {
  const tab = tabOf(anna);
  anna.away = true;
  await start(anna);
  await omar.core.step("name", (step) => chats.rename(step, gid, "Swifts"));
  await world.settle();
  await anna.core.step("forget", (step) => accounts.change(step, cleo.id, { contact_token: new Uint8Array() }));
  anna.away = false;
  await world.settle();
  expect((await tab.call.chat({ id: gid })).growth).toEqual({ failed: "not-introduced" });
  await expect(start(anna)).rejects.toMatchObject({ code: "not-introduced" });
  await cleo.meet(anna);
  await anna.meet(cleo);
  await omar.core.step("name", (step) => chats.rename(step, gid, "Doves"));
  await world.settle();
  expect((await tab.call.chat({ id: gid })).growth).toEqual({ failed: "not-introduced" });
  for (const one of [anna, omar, cleo]) expect(await place(one)).toMatchObject({ gid, suite: SUITE_XWING });
});

test("a group that is being repaired does not grow, and its repair goes on", async () => {
  anna.onRequest = ({ frame }) => frame.type !== "Create";
  const group = world.service.groups.get(gid);
  if (group === undefined) throw new Error("no group");
  group.tokenHash = "of a false token"; // whoever committed last gave it; Anna meets that first, and is still in it
  await say(anna, "waits");
  await world.pass(30_000, 6);
  const forming = async () => {
    const all = await anna.core.look((look) => rows.allChats(look.tx));
    return all.flatMap((c) => (c.forebear === gid && c.status !== "removed" ? [c.gid] : []));
  };
  const before = await forming();
  expect(before).toHaveLength(1);
  expect(await anna.chat(gid)).toMatchObject({ status: "active" });
  await expect(start(anna)).rejects.toMatchObject({ code: "chat-stuck" });
  expect(await forming()).toEqual(before);
  anna.onRequest = () => true;
  await world.settle();
  for (const one of [anna, omar, cleo]) expect(await place(one)).toMatchObject({ gid: before[0], suite: SUITE_XWING });
  expect(await omar.texts(before[0] ?? "")).toEqual(["waits"]);
});

test("whose package was claimed and who is out since does not come along", async () => {
  let withheld = true;
  const claimed: Id[] = [];
  const honest = world.service.claim.bind(world.service);
  world.service.claim = (want, stranger) => {
    if (want.account === omar.id && withheld) return { list_seq: 0, clients: [] };
    claimed.push(want.account);
    return honest(want, stranger);
  };
  await start(anna);
  await world.settle();
  expect(claimed).toEqual([cleo.id]);
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, cleo.id));
  await world.settle();
  expect(await cleo.chat(gid)).toMatchObject({ status: "removed" });
  expect(await anna.chat(gid)).toMatchObject({ growing: 2 });
  withheld = false;
  await world.settle();
  await expectGrown([anna, omar]);
});

test("who is no admin any more stops", async () => {
  omar.away = true;
  await start(omar);
  await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
  await world.settle();
  omar.away = false;
  await world.settle();
  expect(await omar.chat(gid)).toMatchObject({ growing: 0, heir: null });
  for (const one of [anna, omar, cleo]) expect((await place(one)).gid).toBe(gid);
});

test("of two admins at once the lower leaf's group stays", async () => {
  await say(cleo, "before");
  await world.settle();
  await start(omar);
  await start(anna);
  await world.settle();
  const fresh = await expectGrown([anna, omar, cleo]);
  expect((await anna.chat(fresh)).own_leaf).toBe(0);
  await say(omar, "after");
  await world.settle();
  for (const one of [anna, omar, cleo]) expect(await one.texts(fresh)).toEqual(["before", "after"]);
});

test("a device linked while the group grows comes along", async () => {
  omar.away = true;
  await start(anna);
  await world.settle();
  const tablet = await world.device(omar);
  await omar.sendFirst();
  omar.away = false;
  await world.settle();
  const fresh = await expectGrown([anna, omar, cleo]);
  expect(rows.leafOf(await anna.chat(fresh), omar.id, 2)).toBeDefined();
  expect(await tablet.chat(fresh)).toMatchObject({ status: "active" });
});

interface Forged {
  readonly reason?: number;
  readonly suite?: number;
  readonly people?: readonly Person[];
  readonly epoch?: number;
  readonly authenticator?: Uint8Array;
  readonly change?: (data: Uint8Array) => Uint8Array;
}

/** A group that a hostile client makes in the place of the old one. */
function forge(by: Person, { reason = Reason.RESIZE, suite = SUITE_RFC1, people, ...more }: Forged): Promise<Id> {
  return by.core.step("forge", async (step) => {
    const group = await step.loadGroup(gid);
    const { epoch = group.epoch, authenticator = group.epochAuthenticator, change = (data: Uint8Array) => data } = more;
    const named = { gid: rows.bytesOf(gid), epoch, authenticator, reason };
    const data = change(withPredecessor(groups.findSettings(group.extensions), named));
    const others = (people ?? [anna, omar, cleo]).filter((one) => one !== by);
    const accountsIn = others.map(({ id }) => id);
    return chats.begin(step, data, accountsIn, suite);
  });
}

const ATTACKS: readonly (readonly [string, () => Promise<Id>])[] = [
  ["a member grows it", () => forge(cleo, {})],
  ["an admin drops somebody", () => forge(omar, { people: [anna] })],
  ["an admin makes himself its owner", () => forge(omar, { change: ownedBy(() => omar.id) })],
  ["it has the suite of before", () => forge(omar, { suite: SUITE_XWING })],
  ["it weakens the group and says something else", () => forge(omar, { reason: Reason.SUITE })],
  ["it weakens the group as a repair", () => forge(omar, { reason: Reason.STUCK })],
  ["it guesses the secret of the epoch", () => forge(omar, { authenticator: new Uint8Array(32) })],
  ["it names an epoch to come", () => forge(omar, { epoch: 99 })],
];

function ownedBy(who: () => Id) {
  return (data: Uint8Array) => changeSettings(data, { roles: [{ account: rows.bytesOf(who()), role: groups.OWNER }] });
}

test.each(ATTACKS)("what is not the old group with more room is another chat: %s", async (_, attack) => {
  const forged = await attack();
  await world.settle();
  expect(await anna.chat(gid)).toMatchObject({ status: "active", merged: "", heir: null });
  expect((await listed(anna)).map((chat) => chat.gid).sort()).toEqual([gid, forged].sort());
  expect(await anna.lines(gid).then((lines) => lines.some(({ notice }) => notice?.code === "grown"))).toBe(false);
});

test("only who was in a past epoch makes a group that is left out; a repair of one is shown", async () => {
  const old = await omar.core.look((look) => look.findGroup(gid));
  if (old === undefined) throw new Error("no group");
  await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, 0));
  await world.settle();
  const { epoch, epochAuthenticator: authenticator } = old;
  const late = await forge(omar, { epoch, authenticator });
  await world.settle();
  expect(await anna.core.look((look) => rows.findChat(look.tx, late))).toBeUndefined();
  await omar.core.step("say", (step) => messages.submitText(step, late, "read me"));
  await world.settle();
  expect((await place(anna)).gid).toBe(gid);
  const guessed = await forge(omar, { epoch, authenticator: new Uint8Array(32) });
  const repaired = await forge(omar, { epoch, authenticator, reason: Reason.STUCK, suite: SUITE_XWING });
  await world.settle();
  expect((await listed(anna)).map((chat) => chat.gid).sort()).toEqual([gid, guessed, repaired].sort());
});

test("a group that grew is not weakened once more, and its own successor is one of its own", async () => {
  await start(anna);
  await world.settle();
  const fresh = (await place(anna)).gid;
  gid = fresh;
  const again = await forge(omar, {});
  await world.settle();
  expect(await anna.chat(fresh)).toMatchObject({ merged: "", heir: null });
  expect((await listed(anna)).map((chat) => chat.gid).sort()).toEqual([fresh, again].sort());
});

test("a link from before lets in where the chat goes on", async () => {
  const dina = await world.person("Dina");
  const url = await anna.core.step("link", async (step) => {
    const expires = Math.floor(step.now / 1000) + 86_400;
    return urlOf(
      step,
      await requests.makeLink(step, gid, { token: randomBytes(32), auto: false, expires }),
      "https://h.example",
    );
  });
  await world.settle();
  await start(anna);
  await world.settle();
  const fresh = await expectGrown([anna, omar, cleo]);
  const link = parseGroupLink(url);
  await dina.core.step("ask", async (step) => {
    await accounts.learnChain(step, anna.id, world.service.lists.get(anna.id) ?? []);
    await asking.ask(step, link);
  });
  const work = async () => {
    for (let round = 0; round < 3; round++) {
      await world.settle();
      for (const one of [anna, dina]) await one.core.step("joins", workOff);
    }
  };
  await work();
  expect((await anna.core.look((look) => loadJoins(look.tx))).waiting).toMatchObject([
    { gid: fresh, account: dina.id },
  ]);
  await anna.core.step("accept", (step) => requests.accept(step, fresh, dina.id));
  await work();
  expect(await dina.chat(fresh)).toMatchObject({ status: "active", suite: SUITE_RFC1 });
  expect((await dina.core.look((look) => loadJoins(look.tx))).asked).toEqual([]);
});
