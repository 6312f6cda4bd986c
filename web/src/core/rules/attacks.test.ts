/** What members and the operator may try: forged authors, swapped tags, changes without the right, look-alike groups. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { encodeAad } from "../../protocol/chat/aad.ts";
import * as content from "../../protocol/chat/content.ts";
import { encodeSettings, encodeShare, GROUP_INFO_SHARE } from "../../protocol/chat/extensions.ts";
import * as forms from "../../protocol/chat/forms.ts";
import { Kind } from "../../protocol/frames.ts";
import { SUITE_XWING } from "../../protocol/limits.ts";
import { openChain } from "../../protocol/identity/chain.ts";
import { encodeList, signObject } from "../../protocol/identity/objects.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { randomBytes, signerOf, verify } from "../crypto.ts";
import { parseKeyPackage } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import { copies } from "../testing/copies.ts";
import { commitSettings } from "../testing/forging.ts";
import { type Person, World } from "../testing/people.ts";
import * as chats from "./chats.ts";
import * as groups from "./groups.ts";
import * as messages from "./messages.ts";

interface Trio {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly mallory: Person;
  readonly gid: Id;
}

/** Anna's group with Omar and Mallory, who is a plain member and keeps to no rule. */
const trio = copies(async (): Promise<Trio> => {
  const world = new World();
  const [anna, omar, mallory] = [await world.person("Anna"), await world.person("Omar"), await world.person("Mallory")];
  await anna.meet(omar);
  await anna.meet(mallory);
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, mallory.id]));
  await world.settle();
  return { world, anna, omar, mallory, gid };
});

type Body = (step: Step) => content.MimiContent;

const text = (step: Step, gid: Id, words: string, extra: ReadonlyMap<number, string | number> = new Map()) =>
  content.textContent(words, randomBytes(16), new Map([...messages.extensions(step, gid), ...extra]));

/** Send a body of her own making to the group. */
async function sendBody({ world, mallory, gid }: Trio, make: Body, tag?: Uint8Array): Promise<void> {
  await mallory.core.step("evil", async (step) => {
    const chat = await step.chat(gid);
    const body = make(step);
    const data = content.encodeContent(body);
    const right = content.contentTag(body.salt, data);
    const signature = await step.secrets.sign(content.reportTbs(right, rows.bytesOf(gid), chat.epoch));
    const group = await step.loadGroup(gid);
    const token = await groups.sendToken(group, gid);
    const plaintext = content.encodeApplication(data, signature);
    const aad = encodeAad({ type: "ApplicationAad", tag: tag ?? right });
    const sealed = await group.encrypt(await step.env(), plaintext, { aad, padTo: content.paddedSize(plaintext) });
    await step.saveGroup(gid, sealed.group);
    const frame = { type: "Send", rid: 1, mid: randomBytes(16), gid: rows.bytesOf(gid), flags: 0, ttl: 0 } as const;
    const answer = world.service.take({ ...frame, token, roster_key: rosterKey(chat.gs), body: sealed.message });
    expect(answer.type).toBe("Ok");
  });
  await world.settle();
}

const codes = (who: Person): string[] => who.told.map((told) => told.code);

test("an honest body of her own making is shown: the tests below fail for their own reason", async () => {
  const all = await trio();
  await sendBody(all, (step) => text(step, all.gid, "fine"));
  expect(await all.omar.texts(all.gid)).toEqual(["fine"]);
});

test("a body that names another author, room or device is not shown", async () => {
  const all = await trio();
  const { anna, omar, gid } = all;
  const forged: [number, string | number][] = [
    [content.SENDER_URI, content.senderUri("test.example", rows.bytesOf(anna.id))],
    [content.ROOM_URI, content.roomUri("test.example", randomBytes(16))],
    [content.DEVICE_ID, 7],
    [content.SENT_MS, 9_000_000_000_000],
  ];
  for (const extra of forged) await sendBody(all, (step) => text(step, gid, "forged", new Map([extra])));
  expect(await omar.texts(gid)).toEqual([]);
  expect(codes(omar).filter((code) => code === "bad-message")).toHaveLength(forged.length);
});

test("a text repeated when its id is forgotten is shown once and holds up nothing", async () => {
  const all = await trio();
  const { world, omar, gid } = all;
  let made: content.MimiContent | undefined;
  const repeated: Body = (step) => (made ??= text(step, gid, "once"));
  await sendBody(all, repeated);
  world.time += 61 * 86_400_000;
  await omar.core.daily();
  await sendBody(all, repeated);
  await sendBody(all, (step) => text(step, gid, "later"));
  expect(await omar.texts(gid)).toEqual(["once", "later"]);
});

test("a tag of another content in the AAD: not shown", async () => {
  const all = await trio();
  await sendBody(all, (step) => text(step, all.gid, "swapped"), randomBytes(32));
  expect(await all.omar.texts(all.gid)).toEqual([]);
  expect(codes(all.omar)).toContain("bad-message");
});

test("nobody edits or deletes what another wrote, unless an admin deletes", async () => {
  const all = await trio();
  const { world, anna, omar, gid } = all;
  const id = await omar.core.step("say", (step) => messages.submitText(step, gid, "his words"));
  await world.settle();
  const target = rows.bytesOf(id);
  const blank = (step: Step) => ({ salt: randomBytes(16), extensions: messages.extensions(step, gid) });
  await sendBody(all, (step) => forms.encodeForm({ form: "edit", target, text: "hers", reply_to: null }, blank(step)));
  await sendBody(all, (step) => forms.encodeForm({ form: "deletion", target, as_admin: true }, blank(step)));
  expect(await anna.texts(gid)).toEqual(["his words"]);
  expect((await anna.lines(gid)).find((line) => line.message_id === id)).toMatchObject({
    deleted_by: "",
    versions: [],
  });
});

const FORGED = [
  ["a name", "member", { name: "Mallory's" }],
  ["the timer", "member", { timer: 1 }],
  ["a name beside the timer", "member", { name: "Mallory's", timer: 1 }],
  ["a timer of more than a year", "owner", { timer: 365 * 86_400 + 1 }],
] as const;

test.each(FORGED)("the group refuses %s that a %s may not commit", async (_what, whose, changes) => {
  const all = await trio();
  const { world, anna, omar, mallory, gid } = all;
  const by = whose === "owner" ? anna : mallory;
  expect((await commitSettings(by, gid, changes)).type).toBe("Ok");
  // An owner who commits past her own rules waits for an answer for ever.
  if (whose === "owner") while (await omar.turn());
  else await world.settle();
  expect(await omar.chat(gid)).toMatchObject({ title: "Trip", timer: 0 });
  expect(codes(omar)).toContain("refused-change");
});

test("a look-alike group under a known id, made by a member who was removed, is not joined", async () => {
  const all = await trio();
  const { world, anna, omar, mallory, gid } = all;
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  const before = await omar.chat(gid);
  const claimId = randomBytes(16);
  const { clients } = world.service.claim({
    want: "claim",
    n: 0,
    account: omar.id,
    devices: null,
    claimId,
    token: null,
    suites: [SUITE_XWING],
  });
  await mallory.core.step("evil", async (step) => {
    const settings = {
      kind: groups.GROUP,
      name: "Trip",
      about: "",
      timer: 0,
      roles: [],
      perms: { send: 0, add: 0, info: 0, timer: 0, link: 0 },
    };
    let group = await groups.create(step, gid, encodeSettings(settings), SUITE_XWING);
    // As many epochs as the real one, so that only her standing can give her away.
    for (let n = 0; n < 6; n++) {
      const empty = await group.commit(await step.env(), []);
      group = empty.staged.apply(empty.group);
    }
    const add = parseKeyPackage(clients[0]?.key_package ?? new Uint8Array());
    const share = encodeShare({ group_secret: randomBytes(32), lists: [], accounts: [] });
    const welcomeExtensions = [{ type: GROUP_INFO_SHARE, data: share }];
    const made = await group.commit(await step.env(), [{ add }], { welcomeExtensions });
    const body = made.staged.welcome ?? new Uint8Array();
    const { mailbox } = omar;
    const head = { type: "Msg", seq: mailbox.next++, id: randomBytes(16), kind: Kind.WELCOME } as const;
    const rest = { gid: rows.bytesOf(gid), epoch: made.staged.epoch, ts: world.time, frank: null, via: null };
    mailbox.queue.push({ ...head, ...rest, body });
  });
  await world.settle();
  expect(await omar.chat(gid)).toMatchObject({ epoch: before.epoch, members: before.members, status: "active" });
  await anna.core.step("say", (step) => messages.submitText(step, gid, "still ours"));
  await world.settle();
  expect(await omar.texts(gid)).toEqual(["still ours"]);
});

test("the server brings messages again, out of order and damaged: each is shown once, none blocks the others", async () => {
  const all = await trio();
  const { world, anna, omar, gid } = all;
  omar.away = true;
  for (const words of ["one", "two"]) {
    await anna.core.step("say", (step) => messages.submitText(step, gid, words));
    await world.settle();
  }
  const { mailbox } = omar;
  const sent = mailbox.queue.filter((message) => message.kind === Kind.APP);
  const again = sent.map((message) => ({ ...message, seq: mailbox.next++ }));
  const broken = sent.map((message) => ({
    ...message,
    seq: mailbox.next++,
    body: message.body.map((byte) => byte ^ 1),
  }));
  const cut = sent.map((message) => ({ ...message, seq: mailbox.next++, body: message.body.slice(0, 40) }));
  mailbox.queue.push(...again, ...broken, ...cut);
  omar.away = false;
  await world.settle();
  await anna.core.step("say", (step) => messages.submitText(step, gid, "three"));
  await world.settle();
  expect(await omar.texts(gid)).toEqual(["one", "two", "three"]);
});

test("a device that the list ended is put out by the next one that comes in", async () => {
  const { world, anna, omar, mallory, gid } = await trio();
  const laptop = await world.device(anna);
  await world.settle();
  expect(rows.leafOf(await omar.chat(gid), anna.id, 2)).toBeDefined();
  // As a restore does it: a list without the lost device, then one with the new device.
  const lists = world.service.lists.get(anna.id) ?? [];
  const { list, hash } = await openChain(lists, rows.bytesOf(anna.id), verify);
  const devices = list.devices.filter(({ device_id }) => device_id !== 2);
  const shorter = encodeList({ ...list, seq: list.seq + 1, prev: hash, devices });
  world.service.lists.set(anna.id, [...lists, await signObject("device-list", shorter, await signerOf(anna.seed))]);
  laptop.away = true;
  const tablet = await world.device(anna);
  await world.settle();
  expect((await tablet.chat(gid)).status).toBe("active");
  for (const one of [anna, omar, mallory, tablet]) {
    expect(rows.leafOf(await one.chat(gid), anna.id, 2)).toBeUndefined();
    expect(rows.leafOf(await one.chat(gid), anna.id, 3)).toBeDefined();
  }
  expect((await anna.core.look((look) => accounts.known(look, anna.id))).devices.map(([device]) => device)).toEqual([
    1, 3,
  ]);
});

test("a chain that ends right before a list that we know, and is not what that one follows, raises the alarm", async () => {
  const { world, anna, omar } = await trio();
  await world.device(omar);
  await world.settle();
  const lists = world.service.lists.get(omar.id) ?? [];
  const { list, hash } = await openChain(lists, rows.bytesOf(omar.id), verify);
  const signed = async (changed: Partial<typeof list>): Promise<Uint8Array> =>
    signObject(
      "device-list",
      encodeList({ ...list, seq: list.seq + 1, prev: hash, ...changed }),
      await signerOf(omar.seed),
    );
  const third = await signed({});
  const { hash: named } = await openChain([...lists, third], rows.bytesOf(omar.id), verify);
  const alarms: boolean[] = [];
  await anna.core.step("told", async (step) => {
    await accounts.learnChain(step, omar.id, lists);
    // The newest alone is known, of those before it only what it names.
    await accounts.learnList(step, omar.id, await signed({ seq: list.seq + 2, prev: named }));
    for (const told of [lists, [...lists, third], [...lists, await signed({ issued: list.issued + 1 })]])
      alarms.push((await accounts.learnChain(step, omar.id, told)).alarm);
  });
  expect(alarms).toEqual([false, false, true]);
});

test("a device that ended is not added where the server forgot its end, as after a restore", async () => {
  const { world, anna, omar } = await trio();
  await world.device(omar);
  await world.settle();
  // Omar told Anna of lists that the server has no more.
  const lists = world.service.lists.get(omar.id) ?? [];
  const { list, hash } = await openChain(lists, rows.bytesOf(omar.id), verify);
  const devices = list.devices.filter(({ device_id }) => device_id === 1);
  const shorter = encodeList({ ...list, seq: list.seq + 1, prev: hash, devices });
  const newest = await signObject("device-list", shorter, await signerOf(omar.seed));
  await anna.core.step("told", async (step) => {
    await accounts.learnChain(step, omar.id, lists);
    await accounts.learnList(step, omar.id, newest);
  });
  for (const one of world.people) one.away = one.id === omar.id;
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Walk", [omar.id]));
  await world.settle();
  const chat = await anna.chat(gid);
  expect([1, 2].map((device) => rows.leafOf(chat, omar.id, device) !== undefined)).toEqual([true, false]);
});
