/** Both suites: what is published, how a large group comes to be, and who may try to weaken one. Twin of tests/client/test_suites.py. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { ClaimedKeyPackages } from "../../protocol/control.ts";
import { encodeSettings, encodeShare, CHAT_SETTINGS, GROUP_INFO_SHARE } from "../../protocol/chat/extensions.ts";
import { Kind } from "../../protocol/frames.ts";
import { GROUP_LEAVES, SUITE_RFC1, SUITE_XWING, XWING_LEAVES } from "../../protocol/limits.ts";
import { randomBytes } from "../crypto.ts";
import { chooseSuite, Group, makeKeyPackage, parseKeyPackage, SuiteDowngrade, type KeyPackage } from "../mls/mls.ts";
import * as rows from "../state/rows.ts";
import type { Id, OwnKeyPackage } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { type Person, World } from "../testing/people.ts";
import * as chats from "./chats.ts";
import * as groups from "./groups.ts";
import { LIFETIME_S } from "./keypackages.ts";
import type { WantClaim } from "./wants.ts";
import * as messages from "./messages.ts";

type Forge = (want: WantClaim, honest: (want: WantClaim) => ClaimedKeyPackages) => ClaimedKeyPackages;

const pair = copies(async (): Promise<{ world: World; anna: Person; omar: Person }> => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  await world.settle();
  return { world, anna, omar };
});

async function openGroup(world: World, by: Person, others: Person[], large = false): Promise<Id> {
  const people = others.map(({ id }) => id);
  const gid = await by.core.step("open", (step) => chats.openGroup(step, "Doves", people, large));
  await world.settle();
  return gid;
}

/** Anna opens a group with Omar through a server that answers claims as `forge` does; what it became, and its failure. */
async function through(forge: Forge, large = false) {
  const { world, anna, omar } = await pair();
  const honest = world.service.claim.bind(world.service);
  world.service.claim = (want) => forge(want, (other) => honest({ ...other, claimId: randomBytes(16) }));
  const gid = await openGroup(world, anna, [omar], large);
  const chat = await anna.chat(gid);
  const items = await anna.core.look((look) => rows.items(look.tx, gid));
  return {
    chat,
    inside: rows.leafOf(chat, omar.id, omar.profile.device_id) !== undefined,
    failure: items.find(([, { state }]) => state === "failed")?.[1].reason,
  };
}

/** A package of this person whose leaf lists the suites `able`, and its row where `kept`. */
async function packageOf(who: Person, suite: number, able: number[], signed = true): Promise<Uint8Array> {
  return who.core.step("forge", async (step) => {
    const env = await step.env();
    const now = Math.floor(step.now / 1000);
    const made = await makeKeyPackage(env, {
      suite,
      credential: step.profile.certificate,
      signatureKey: step.profile.device_pub,
      capabilities: { ...groups.CAPABILITIES, cipherSuites: able },
      lifetime: { notBefore: now - 3600, notAfter: now - 3600 + LIFETIME_S },
    });
    if (!signed) return made.keyPackage.map((byte, at) => (at === made.keyPackage.length - 1 ? byte ^ 1 : byte));
    const row: OwnKeyPackage = {
      reference: made.reference,
      package: made.keyPackage,
      secrets: made.secrets,
      last_resort: false,
      made_at: step.now,
      suite,
    };
    await step.tx.put("key_package", made.reference, rows.encodeRow(row));
    return made.keyPackage;
  });
}

const held = ({ mailbox }: Person) =>
  [SUITE_XWING, SUITE_RFC1].map((suite) => mailbox.packages.filter((one) => one.suite === suite).length);

test("a device publishes both suites, each with a last resort, and each pool is refilled by itself", async () => {
  const { world, anna, omar } = await pair();
  expect([held(anna), held(omar)]).toEqual([
    [4, 3],
    [4, 3],
  ]);
  await openGroup(world, anna, [omar], true);
  await omar.core.wantKeyPackages();
  await world.settle();
  expect(held(omar)).toEqual([4, 3]);
});

test("a device of before publishes the second suite after its update", async () => {
  const { world, omar } = await pair();
  await omar.core.step("of-before", async (step) => {
    for (const data of await step.tx.scan("key_package")) {
      const own = rows.parseRow<OwnKeyPackage>(data);
      if (own.suite === SUITE_RFC1) await step.tx.delete("key_package", own.reference);
    }
  });
  omar.mailbox.packages = omar.mailbox.packages.filter(({ suite }) => suite === SUITE_XWING);
  await omar.core.daily();
  await world.settle();
  expect(held(omar)).toEqual([4, 3]);
});

test("a large group works in the first suite and keeps it", async () => {
  const { world, anna, omar } = await pair();
  const gid = await openGroup(world, anna, [omar], true);
  await anna.core.step("say", (step) => messages.submitText(step, gid, "to many"));
  await world.settle();
  expect(await omar.texts(gid)).toEqual(["to many"]);
  for (const who of [anna, omar])
    expect(await who.chat(gid)).toMatchObject({ suite: SUITE_RFC1, all_able: true, status: "active" });
});

test("the expected size alone decides, and has an end", async () => {
  const { anna } = await pair();
  await anna.core.step("sizes", async (step) => {
    const many = Array.from({ length: XWING_LEAVES }, () => rows.idOf(randomBytes(16)));
    expect((await step.chat(await chats.openGroup(step, "Doves", many.slice(1)))).suite).toBe(SUITE_XWING);
    const large = await chats.openGroup(step, "Doves", many);
    expect((await step.chat(large)).suite).toBe(SUITE_RFC1);
    const adds = (await rows.items(step.tx, large)).flatMap(([, { intent }]) => (intent === null ? [] : [intent]));
    expect(adds.flatMap(({ accounts }) => accounts)).toEqual(many);
    expect(Math.max(...adds.map(({ accounts }) => accounts.length))).toBe(31);
    const most = Array.from({ length: GROUP_LEAVES }, () => rows.idOf(randomBytes(16)));
    await expect(chats.openGroup(step, "Doves", most)).rejects.toMatchObject({ code: "group-full" });
  });
});

test("a server that withholds the better packages gets no chat, nor one that names them otherwise", async () => {
  const weaker = await through((want, honest) => honest({ ...want, suites: [SUITE_RFC1] }));
  expect([weaker.failure, weaker.chat.suite, weaker.inside]).toEqual(["suite-downgrade", SUITE_XWING, false]);
  const named = await through((want, honest) => {
    const answer = honest({ ...want, suites: [SUITE_RFC1] });
    return { ...answer, clients: answer.clients.map((one) => ({ ...one, suite: SUITE_XWING })) };
  });
  expect([named.failure, named.inside]).toEqual(["suite-downgrade", false]);
});

test("a large group takes no package of the other suite, and none that was not asked for", async () => {
  const other = await through((want, honest) => honest({ ...want, suites: [SUITE_XWING] }), true);
  expect([other.failure, other.chat.suite, other.inside]).toEqual(["malformed", SUITE_RFC1, false]);
  const twice = await through((want, honest) => {
    const answer = honest(want);
    return { ...answer, clients: [...answer.clients, ...answer.clients] };
  });
  expect([twice.failure, twice.inside]).toEqual(["malformed", false]);
});

test("a package nobody signed does not weaken the group; one that its device signed does, and is shown", async () => {
  const all = await through((want, honest) => honest(want));
  expect([all.chat.suite, all.chat.all_able, all.inside]).toEqual([SUITE_XWING, true, true]);
  for (const signed of [false, true]) {
    const { world, anna, omar } = await pair();
    const key_package = await packageOf(omar, SUITE_RFC1, [SUITE_RFC1], signed);
    const honest = world.service.claim.bind(world.service);
    world.service.claim = (want) => {
      const answer = honest(want);
      return { ...answer, clients: answer.clients.map((one) => ({ ...one, suite: SUITE_RFC1, key_package })) };
    };
    const gid = await openGroup(world, anna, [omar]);
    const chat = await anna.chat(gid);
    const inside = rows.leafOf(chat, omar.id, omar.profile.device_id) !== undefined;
    expect([chat.suite, chat.all_able, inside]).toEqual(
      signed ? [SUITE_RFC1, false, true] : [SUITE_XWING, true, false],
    );
    if (signed) expect(await omar.chat(gid)).toMatchObject({ suite: SUITE_RFC1, all_able: false, status: "active" });
  }
});

test.each([
  [groups.DM, false],
  [groups.GROUP, true],
])("a Welcome in the weaker suite: of kind %i it is taken: %s", async (kind, taken) => {
  const { world, anna, omar } = await pair();
  const body = await packageOf(omar, SUITE_RFC1, [SUITE_XWING, SUITE_RFC1]);
  const gid = rows.idOf(randomBytes(16));
  await anna.core.step("evil", async (step) => {
    const settings = {
      kind,
      name: "",
      about: "",
      timer: 0,
      roles: [],
      perms: { send: 0, add: 0, info: 0, timer: 0, link: 0 },
    };
    const group = await Group.create(await step.env(), {
      groupId: rows.bytesOf(gid),
      suite: SUITE_RFC1,
      credential: step.profile.certificate,
      signatureKey: step.profile.device_pub,
      capabilities: groups.CAPABILITIES,
      required: [CHAT_SETTINGS],
      extensions: [{ type: CHAT_SETTINGS, data: encodeSettings(settings) }],
    });
    const share = encodeShare({ group_secret: randomBytes(32), lists: [], accounts: [] });
    const made = await group.commit(await step.env(), [{ add: parseKeyPackage(body) }], {
      welcomeExtensions: [{ type: GROUP_INFO_SHARE, data: share }],
    });
    const head = { type: "Msg", seq: omar.mailbox.next++, id: randomBytes(16), kind: Kind.WELCOME } as const;
    const rest = { gid: rows.bytesOf(gid), epoch: 1, ts: world.time, frank: null, via: null };
    omar.mailbox.queue.push({ ...head, ...rest, body: made.staged.welcome ?? new Uint8Array() });
  });
  await world.settle();
  const chat = await omar.core.look((look) => rows.findChat(look.tx, gid));
  expect(chat !== undefined).toBe(taken);
  if (chat) expect([chat.suite, chat.all_able]).toEqual([SUITE_RFC1, true]);
});

test("chooseSuite follows the signed capabilities", async () => {
  const { omar } = await pair();
  const made = async (suite: number, ...able: number[]): Promise<KeyPackage> =>
    parseKeyPackage(await packageOf(omar, suite, able));
  const better = await made(SUITE_XWING, SUITE_XWING, SUITE_RFC1);
  const both = await made(SUITE_RFC1, SUITE_XWING, SUITE_RFC1);
  const unable = await made(SUITE_RFC1, SUITE_RFC1);
  expect(chooseSuite([], XWING_LEAVES)).toBe(SUITE_XWING);
  expect(chooseSuite([], XWING_LEAVES + 1)).toBe(SUITE_RFC1);
  expect(chooseSuite([[better], [both, better]], 3)).toBe(SUITE_XWING);
  expect(chooseSuite([[better], [unable]], 3)).toBe(SUITE_RFC1);
  expect(chooseSuite([[both], [unable]], 3)).toBe(SUITE_RFC1);
  expect(chooseSuite([[both]], XWING_LEAVES + 1)).toBe(SUITE_RFC1);
  expect(() => chooseSuite([[better], [both]], 3)).toThrow(SuiteDowngrade);
});
