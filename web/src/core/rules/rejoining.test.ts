/** A member hands out a group under the id of a known one: nobody gets more by it than by a commit. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { changeSettings, encodeSettings, type RoleEntry } from "../../protocol/chat/extensions.ts";
import { Reason, withPredecessor } from "../../protocol/chat/successors.ts";
import { SUITE_RFC1 } from "../../protocol/limits.ts";
import { randomBytes } from "../crypto.ts";
import * as rows from "../state/rows.ts";
import type { Chat } from "../state/rows.ts";
import { type Four, four } from "../testing/four.ts";
import { offerGroup } from "../testing/forging.ts";
import type { Person } from "../testing/people.ts";
import * as chats from "./chats.ts";
import * as groups from "./groups.ts";
import * as messages from "./messages.ts";
import * as readd from "./readd.ts";

type Name = "anna" | "omar" | "cleo" | "mallory";

const rights = ({ kind, title, roles, perms, timer, suite, forebear, members }: Chat) => ({
  ...{ kind, title, roles, perms, timer, suite, forebear },
  people: [...new Set(members.map(({ account }) => account))].sort(),
});
const codes = async (who: Person, gid: string) => (await who.lines(gid)).flatMap(({ notice }) => notice?.code ?? []);
const held = async (who: Person, gid: string) => (await who.chat(gid)).settings;
const roles = (all: Four, told: Partial<Record<Name, 1 | 2>>): RoleEntry[] =>
  Object.entries(told).map(([name, role]) => ({ account: rows.bytesOf(all[name as Name].id), role }));

/** These devices lost their state of the group, and asked this member to bring them back. */
async function lose(gid: string, victims: readonly Person[], asked: Person): Promise<void> {
  for (const victim of victims) {
    await victim.core.step("lost", async (step) => {
      await readd.lose(step, gid, "gap");
      const { asking } = await step.chat(gid);
      if (asking === null) throw new Error("it asks");
      await step.changeChat(gid, { asking: { ...asking, asked: [asked.id], next_at: step.now + 1e9 } });
    });
  }
}

const ROLES: [string, Name, Partial<Record<Name, 1 | 2>>, Name[]][] = [
  ["an admin becomes an owner", "omar", { anna: 2, omar: 2 }, ["cleo", "mallory"]],
  ["an admin drops the owner", "omar", { omar: 1 }, ["cleo", "mallory"]],
  ["an admin takes the owner's role", "omar", { omar: 2 }, ["anna", "cleo", "mallory"]],
  ["a member becomes an owner", "mallory", { anna: 2, mallory: 2 }, ["anna", "omar", "cleo"]],
  ["a member drops the owner and the admin", "mallory", {}, ["cleo"]],
];

test.each(ROLES)("no Welcome gives a role that its signer may not give: %s", async (_what, by, told, victims) => {
  const all = await four();
  const { gid } = all;
  const [forger, hurt] = [all[by], victims.map((name) => all[name])];
  for (const some of [hurt.slice(0, 1), hurt]) {
    const before = await Promise.all(some.map(async (one) => rights(await one.chat(gid))));
    const settings = changeSettings(await held(forger, gid), { roles: roles(all, told) });
    await lose(gid, some, forger);
    await offerGroup(forger, gid, some, { settings, people: hurt });
    for (const [n, one] of some.entries()) {
      while (await one.turn());
      expect(rights(await one.chat(gid))).toEqual(before[n]);
      expect((await one.chat(gid)).status).toBe("lost");
      expect((await codes(one, gid)).at(-1)).toBe("refused-welcome");
    }
  }
});

test("a restored owner is brought back as owner by a member: its backup names the roles of others alone", async () => {
  const all = await four();
  const { anna, omar, cleo, mallory, gid } = all;
  await lose(gid, [anna], mallory);
  await anna.core.step("restored", async (step) => {
    await step.changeChat(gid, { settings: new Uint8Array(), roles: { [omar.id]: groups.ADMIN } });
  });
  await offerGroup(mallory, gid, [anna], { settings: await held(mallory, gid), people: [anna, omar, cleo] });
  while (await anna.turn());
  const chat = await anna.chat(gid);
  expect([chat.status, groups.roleOf(chat, anna.id)]).toEqual(["active", groups.OWNER]);
});

const CHANGES = ["kind", "suite", "predecessor", "title", "timer", "permissions", "about", "ghost"] as const;

test.each(CHANGES)("a member who was only asked does not change the %s", async (what) => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  const ghost = await world.person("Ghost");
  const real = await held(mallory, gid);
  const perms = { send: 0, add: 1, info: 1, timer: 1, link: 1 } as const;
  const plain = { name: "Birds", about: "", timer: 0, roles: [], perms };
  const predecessor = { gid: randomBytes(16), epoch: 3, authenticator: randomBytes(32), reason: Reason.STUCK };
  const settings = {
    kind: encodeSettings({ ...plain, kind: groups.DM }),
    suite: real,
    predecessor: withPredecessor(real, predecessor),
    title: changeSettings(real, { name: "Mallory's" }),
    timer: changeSettings(real, { timer: 3600 }),
    permissions: changeSettings(real, { perms: { add: 0 } }),
    about: encodeSettings({
      ...plain,
      kind: groups.GROUP,
      about: "Mallory's",
      roles: roles(all, { anna: 2, omar: 1 }),
    }),
    ghost: real,
  }[what];
  const people = what === "kind" ? [cleo] : [anna, omar, cleo, ...(what === "ghost" ? [ghost] : [])];
  const before = rights(await cleo.chat(gid));
  await lose(gid, [cleo], mallory);
  await offerGroup(mallory, gid, [cleo], { settings, people, ...(what === "suite" ? { suite: SUITE_RFC1 } : {}) });
  while (await cleo.turn());
  expect(rights(await cleo.chat(gid))).toEqual(before);
  expect((await codes(cleo, gid)).at(-1)).toBe("refused-welcome");
});

test("a device that holds the group keeps its state, and speaks on in it", async () => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  const settings = changeSettings(await held(omar, gid), { roles: roles(all, { omar: 2 }) });
  const before = await cleo.chat(gid);
  await offerGroup(omar, gid, [cleo], { settings, people: [cleo, mallory] });
  await world.settle();
  expect(await cleo.chat(gid)).toMatchObject({ status: "active", epoch: before.epoch, roles: before.roles });
  await cleo.core.step("say", (step) => messages.submitText(step, gid, "her state is whole"));
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["her state is whole"]);
});

test("a member seen to be removed does not come back with a Welcome, by an owner's device neither", async () => {
  const { world, anna, cleo, omar, mallory, gid } = await four();
  await anna.core.step("remove", (step) => chats.removeAccount(step, gid, mallory.id));
  await world.settle();
  for (const forger of [omar, anna]) {
    await lose(gid, [cleo], forger);
    await offerGroup(forger, gid, [cleo], { people: [cleo, mallory, forger === anna ? omar : anna] });
    while (await cleo.turn());
    expect((await cleo.chat(gid)).members.map(({ account }) => account)).not.toContain(mallory.id);
    expect((await codes(cleo, gid)).at(-1)).toBe("refused-welcome");
  }
});

test("what an owner changes with a Welcome is said line by line", async () => {
  const all = await four();
  const { world, anna, omar, cleo, gid } = all;
  const ghost = await world.person("Ghost");
  const told = { name: "Swifts", roles: roles(all, { anna: 2, cleo: 1 }), timer: 3600, perms: { send: 1, add: 0 } };
  const settings = changeSettings(await held(anna, gid), told);
  await lose(gid, [cleo], anna);
  await offerGroup(anna, gid, [cleo], { settings, people: [omar, cleo, ghost] });
  while (await cleo.turn());
  expect(await cleo.chat(gid)).toMatchObject({ status: "active", title: "Swifts", timer: 3600 });
  const said = await codes(cleo, gid);
  expect(said).toEqual(
    expect.arrayContaining(["added", "removed", "renamed", "role", "timer", "write-admins", "rules"]),
  );
});

test("after the attack the others are asked, and bring the victims back", async () => {
  const all = await four();
  const { world, anna, omar, cleo, mallory, gid } = all;
  const before = rights(await cleo.chat(gid));
  const settings = changeSettings(await held(mallory, gid), { roles: roles(all, { mallory: 2 }) });
  await lose(gid, [cleo], mallory);
  await offerGroup(mallory, gid, [cleo], { settings, people: [anna, omar, cleo] });
  while (await cleo.turn());
  expect((await cleo.chat(gid)).asking?.asked).toEqual([mallory.id]);
  await world.pass(180_000, 3);
  expect(await cleo.chat(gid)).toMatchObject({ status: "active" });
  expect(rights(await cleo.chat(gid))).toEqual(before);
  await cleo.core.step("say", (step) => messages.submitText(step, gid, "back again"));
  await world.settle();
  expect(await mallory.texts(gid)).toEqual(["back again"]);
});
