/** Successors that cannot be made at once: somebody is not reached, or a device of somebody. Twin of tests/client/test_mending. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { SUITE_RFC1, SUITE_XWING } from "../../../protocol/limits.ts";
import { makeKeyPackage } from "../../mls/mls.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import { commitSettings } from "../../testing/forging.ts";
import { type Four, four } from "../../testing/four.ts";
import type { Person } from "../../testing/people.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import { LIFETIME_S } from "../keypackages.ts";
import * as messages from "../messages.ts";
import * as readd from "../readd.ts";
import { isForming } from "./ending.ts";
import { grow } from "./growing.ts";
import { makeDue } from "./making.ts";

const DAY_MS = 86_400_000;

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

/** The one chat that the group is to a person. */
async function place(who: Person): Promise<Chat> {
  const all = await who.core.look((look) => rows.allChats(look.tx));
  const [found, ...more] = all.filter((c) => c.kind === groups.GROUP && c.merged === "" && !c.quiet);
  if (found === undefined || more.length > 0) throw new Error(`${who.profile.name} sees ${more.length + 1} chats`);
  return found;
}

test("whoever ends a token burns no packages of the others", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  anna.away = true;
  world.service.refused.add(anna.id);
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  const { packages } = cleo.mailbox;
  const ordinary = () => cleo.mailbox.packages.filter((one) => !one.last_resort).length;
  const before = ordinary();
  const due: number[] = [];
  for (let n = 0; n < 24; n++) {
    const { mend_at } = await omar.chat(gid);
    await world.pass(Math.max(0, mend_at - world.time), 1);
    await omar.core.daily();
    due.push((await omar.chat(gid)).mend_at - world.time);
  }
  expect(packages.length).toBeGreaterThan(0);
  // One for the successor; one more where he begins a chat with her, to ask whether she could follow.
  expect(before - ordinary()).toBe(2);
  expect(due[0]).toBe(300_000);
  expect(due.every((pause, n) => n === 0 || pause >= (due[n - 1] ?? 0))).toBe(true);
  expect(due.at(-1)).toBe(DAY_MS);
  expect((await omar.chat(gid)).heir).toBeNull();
});

test("a device that its account ended is not brought along by a package of before", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  anna.away = true;
  world.service.refused.add(anna.id);
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  await world.pass(60_000, 2);
  const claimed = () =>
    omar.core.look(async (look) => {
      const [forming] = (await rows.allChats(look.tx)).filter((one) => one.forebear === gid && isForming(one));
      const items = forming === undefined ? [] : await rows.items(look.tx, forming.gid);
      return items.flatMap(([, { claims }]) => claims.map(({ account }) => account));
    });
  expect(await claimed()).toEqual([cleo.id]);
  await omar.core.step("a list without it", async (step) => {
    await accounts.change(step, cleo.id, { devices: [[2, ""]] });
    await step.changeChat(gid, { mend_at: step.now });
    await makeDue(step);
  });
  expect(await claimed()).toEqual([]);
});

test("a device without packages is brought in by its sibling", async () => {
  const all = await four();
  const { world, anna, omar, mallory, gid } = all;
  const laptop = await linked(all);
  world.service.absent.add(`${anna.id}/2`);
  anna.away = laptop.away = true;
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.pass(40_000, 8);
  const fresh = (await place(omar)).gid;
  expect(fresh).not.toBe(gid);
  anna.away = laptop.away = false;
  await world.settle();
  expect((await place(anna)).gid).toBe(fresh);
  world.service.absent.clear();
  await world.settle();
  expect((await place(laptop)).gid).toBe(fresh);
  await laptop.core.step("say", (step) => messages.submitText(step, fresh, "here"));
  await world.settle();
  expect(await omar.texts(fresh)).toContain("here");
});

test("a device that comes days later asks for the group that followed", async () => {
  const all = await four();
  const { world, anna, omar, mallory, gid } = all;
  const laptop = await linked(all);
  world.service.absent.add(`${anna.id}/2`);
  laptop.away = true;
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.pass(40_000, 8);
  await world.pass(2 * DAY_MS, 2);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  expect((await anna.core.look((look) => rows.items(look.tx, fresh))).map(([, { state }]) => state)).toEqual([
    "failed",
  ]);
  // Nobody but its sibling takes it in: it would take that for a chat of its own.
  const part = { op: "readd", gid: rows.bytesOf(gid), last_epoch: 1, reason: "refused", contact_token: null } as const;
  await omar.core.step("ask", (step) => readd.takeRequest(step, anna.id, 2, part));
  expect(await omar.core.look((look) => rows.items(look.tx))).toEqual([]);
  world.service.absent.clear();
  laptop.away = false;
  await world.pass(240_000, 4);
  expect((await place(laptop)).gid).toBe(fresh);
});

/** A package of the weaker suite, by this device's own word the only one it is able to use. */
const weakPackage = (who: Person): Promise<Uint8Array> =>
  who.core.step("weak", async (step) => {
    const now = Math.floor(step.now / 1000);
    const { keyPackage } = await makeKeyPackage(await step.env(), {
      suite: SUITE_RFC1,
      credential: step.profile.certificate,
      signatureKey: step.profile.device_pub,
      capabilities: { ...groups.CAPABILITIES, cipherSuites: [SUITE_RFC1] },
      lifetime: { notBefore: now - 3600, notAfter: now + LIFETIME_S },
    });
    return keyPackage;
  });

/** Mallory broke the group, and Cleo, who is away, ended her token: the others go on without her. */
async function madeWithout({ world, anna, omar, cleo, mallory, gid }: Four): Promise<Id> {
  cleo.away = true;
  world.service.refused.add(cleo.id);
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.pass(600_000, 30);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  expect((await place(omar)).gid).toBe(fresh);
  expect([...rows.accountsOf(await place(anna))].sort()).toEqual([anna.id, omar.id].sort());
  return fresh;
}

test("whoever was missing comes in where that group was followed too, to them as a second chat", async () => {
  const all = await four();
  const { world, anna, omar, cleo } = all;
  const gid = await madeWithout(all);
  await anna.core.step("grow", (step) => grow(step, gid));
  await world.settle();
  const fresh = await place(anna);
  expect(fresh).toMatchObject({ forebear: gid, absent: [cleo.id] });
  world.service.refused.clear();
  cleo.away = false;
  await world.pass(300_000, 10);
  expect([...rows.accountsOf(await place(omar))].sort()).toEqual([anna.id, omar.id, cleo.id].sort());
  expect((await cleo.chat(fresh.gid)).status).toBe("active");
  expect((await place(anna)).absent).toEqual([]);
});

test("whoever cannot be reached keeps no group from going on, and comes back into the same chat", async () => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  await cleo.core.step("say", (step) => messages.submitText(step, gid, "before"));
  await world.settle();
  const fresh = await madeWithout(all);
  await omar.core.step("say", (step) => messages.submitText(step, fresh, "without her"));
  await cleo.core.step("say", (step) => messages.submitText(step, gid, "waits"));
  world.service.refused.clear();
  cleo.away = false;
  await world.pass(300_000, 10);
  expect((await place(cleo)).gid).toBe(fresh);
  expect(rows.accountsOf(await place(omar))).toHaveLength(3);
  expect(await omar.texts(fresh)).toEqual(["before", "without her", "waits"]);
  expect(await cleo.texts(fresh)).toEqual(["before", "waits"]);
  expect((await anna.chat(fresh)).absent).toEqual([]);
  // Whoever is removed after that, or broke the group, asks in vain.
  await anna.core.step("remove", (step) => chats.removeAccount(step, fresh, cleo.id));
  await world.settle();
  const part = { op: "readd", gid: rows.bytesOf(gid), last_epoch: null, reason: "refused" } as const;
  for (const asker of [cleo, mallory]) {
    const contact_token = asker.profile.profile_token;
    await anna.core.step("ask", (step) => readd.takeRequest(step, asker.id, 1, { ...part, contact_token }));
  }
  await world.settle();
  expect([...rows.accountsOf(await place(omar))].sort()).toEqual([anna.id, omar.id].sort());
});

test("whoever has weak packages alone keeps no group from going on: it keeps its suite, and comes without them", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  cleo.away = true;
  const body = await weakPackage(cleo);
  const honest = world.service.claim.bind(world.service);
  world.service.claim = (want) => {
    const answer = honest(want);
    if (want.account !== cleo.id) return answer;
    const weak = answer.clients.map((one) => ({ ...one, suite: SUITE_RFC1, key_package: body }));
    return { ...answer, clients: want.suites.includes(SUITE_RFC1) ? weak : [] };
  };
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.pass(900_000, 45);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  for (const one of [anna, omar])
    expect(await place(one)).toMatchObject({ gid: fresh, suite: SUITE_XWING, absent: [cleo.id] });
  world.service.claim = honest;
  cleo.away = false;
  await world.pass(300_000, 10);
  expect((await place(cleo)).gid).toBe(fresh);
  expect(rows.accountsOf(await place(anna))).toHaveLength(3);
});

/** This device's turn has come to make a successor; nothing of it has left yet. */
async function beginRepair({ anna, gid }: Four): Promise<void> {
  await anna.core.step("begin", async (step) => {
    await step.changeChat(gid, { mend_at: step.now });
    await makeDue(step);
  });
  expect(await forming(anna)).toHaveLength(1);
}

/** Successors of a device that nobody but it is in. */
const forming = (who: Person): Promise<Chat[]> =>
  who.core.look(async (look) => (await rows.allChats(look.tx)).filter(isForming));

test("an attempt ends where another one is followed", async () => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.settle();
  await beginRepair(all);
  anna.away = true;
  await world.pass(40_000, 8);
  const fresh = (await place(omar)).gid;
  expect(fresh).not.toBe(gid);
  await omar.core.step("name", (step) => chats.rename(step, fresh, "Doves"));
  await world.settle();
  anna.away = false;
  await world.settle();
  expect(await forming(anna)).toEqual([]);
  for (const one of [anna, omar, cleo]) expect(await place(one)).toMatchObject({ gid: fresh, title: "Doves" });
});

test("an attempt ends where the group goes on after all", async () => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  const asking = { last_epoch: -1, reason: "refused", asked: [], next_at: world.time + DAY_MS, heard: false };
  await anna.core.step("refused", (step) => step.changeChat(gid, { asking }));
  await beginRepair(all);
  anna.away = true;
  await omar.core.step("name", (step) => chats.rename(step, gid, "Doves"));
  await world.settle();
  anna.away = false;
  await world.settle();
  expect(await forming(anna)).toEqual([]);
  for (const one of [anna, omar, cleo, mallory]) expect(await place(one)).toMatchObject({ gid, title: "Doves" });
});

test("whoever is missing and asks by no token makes nobody write: one claim an hour", async () => {
  const all = await four();
  const { world, anna, omar, cleo, gid } = all;
  const fresh = await madeWithout(all);
  const claimed: Id[] = [];
  const refused = world.service.refused.has.bind(world.service.refused);
  world.service.refused.has = (account) => claimed.push(account) > 0 && refused(account);
  for (let n = 0; n < 5; n++) {
    const part = { op: "readd", gid: rows.bytesOf(gid), last_epoch: null, reason: "refused" } as const;
    const contact_token = new Uint8Array(32).fill(n);
    await anna.core.step("ask", (step) => readd.takeRequest(step, cleo.id, 1, { ...part, contact_token }));
    const items = await anna.core.look((look) => rows.items(look.tx, fresh));
    expect(items.filter(([, { kind }]) => kind !== "commit")).toEqual([]);
    await world.settle();
  }
  expect(claimed.filter((account) => account === cleo.id)).toHaveLength(1);
  world.service.refused.clear();
  cleo.away = false;
  await world.pass(2 * 3_600_000, 24);
  expect((await place(cleo)).gid).toBe(fresh);
  expect(rows.accountsOf(await place(omar))).toHaveLength(3);
});
