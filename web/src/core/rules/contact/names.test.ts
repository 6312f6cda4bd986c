/** A member who changes its name to pass as another one: each change shows, in bounded lines and at once. */
import "fake-indexeddb/auto";
import { beforeAll, expect, test } from "vitest";
import { NAME_BYTES } from "../../../protocol/limits.ts";
import * as accounts from "../../state/accounts.ts";
import type * as rows from "../../state/rows.ts";
import { tabOf } from "../../testing/host.ts";
import { type Person, World } from "../../testing/people.ts";
import type { Opening } from "../../verbs/account.ts";
import { ownVerbs } from "../../verbs/lazy/account.ts";
import { chatLine } from "../../verbs/views.ts";
import * as chats from "../chats.ts";
import * as messages from "../messages.ts";
import * as contact from "./contact.ts";
import { NAMES_A_DAY, take } from "./names.ts";

interface Four {
  readonly world: World;
  readonly amal: Person;
  readonly boris: Person;
  readonly mallory: Person;
  readonly group: rows.Id;
  readonly direct: rows.Id;
}

let made: World;
let gids: readonly [rows.Id, rows.Id];

/** Amal owns a group with Boris and Mallory, and writes to Mallory alone; everybody said who they are. */
beforeAll(async () => {
  made = new World();
  const [amal, boris, mallory] = [await made.person("Amal"), await made.person("Boris"), await made.person("Mallory")];
  for (const one of [amal, boris, mallory])
    for (const other of [amal, boris, mallory]) if (one !== other) await one.meet(other);
  const group = await amal.core.step("group", (step) => chats.openGroup(step, "Doves", [boris.id, mallory.id]));
  const direct = await amal.core.step("dm", (step) => chats.openDm(step, mallory.id));
  await made.settle();
  for (const one of [amal, boris, mallory]) await one.core.step("hi", (step) => messages.submitText(step, group, "hi"));
  await made.settle();
  gids = [group, direct];
});

async function four(): Promise<Four> {
  const world = await made.copy();
  const [amal, boris, mallory] = world.people;
  if (!amal || !boris || !mallory) throw new Error("people");
  const [group, direct] = gids;
  return { world, amal, boris, mallory, group, direct };
}

/** Take a name and tell every chat. */
async function rename(who: Person, name: string): Promise<void> {
  await ownVerbs(tabOf(who).host, {} as Opening).set_name({ name });
  await who.world.settle();
}

/** The same, without any check of the sender's. */
async function forge(who: Person, gid: rows.Id, name: string): Promise<void> {
  const profile = { op: "profile", name, contact_token: null } as const;
  await who.core.step("forge", (step) => messages.submitControl(step, gid, profile));
  await who.world.settle();
}

/** Old and new name of the lines in a chat, oldest first. */
async function lines(who: Person, gid: rows.Id): Promise<[string | undefined, string][]> {
  const all = await who.lines(gid);
  return all.flatMap(({ notice }) => (notice?.code === "named" ? [[notice.was, notice.text]] : []));
}

const nameAt = (who: Person, of: Person): Promise<string> =>
  who.core.look(async (look) => (await accounts.known(look, of.id)).name);

test("a new name shows once in each chat that is shared, and neither previews nor moves it", async () => {
  const { world, amal, boris, mallory, group, direct } = await four();
  const own = await amal.core.step("group", (step) => chats.openGroup(step, "Others", [boris.id]));
  await world.settle();
  const places = [group, direct, own];
  const seen = () =>
    amal.core.look((look) => Promise.all(places.map(async (gid) => chatLine(look, await look.chat(gid), false))));
  const parts = async () =>
    (await seen()).map(({ activity, unread, last }) => ({
      activity,
      unread,
      text: last?.text,
      code: last?.notice?.code,
    }));
  const before = await parts();
  world.time += 60_000;
  await rename(mallory, "Amal B.");
  expect(await Promise.all(places.map((gid) => lines(amal, gid)))).toEqual([
    [["Mallory", "Amal B."]],
    [["Mallory", "Amal B."]],
    [],
  ]);
  expect(await lines(boris, group)).toEqual([["Mallory", "Amal B."]]);
  expect(await parts()).toEqual(before);

  await rename(mallory, "Amal B.");
  await amal.restart();
  await world.settle();
  expect((await lines(amal, group)).length).toBe(1);
  expect(await lines(mallory, group)).toEqual([]);
});

test("a storm of names leaves few lines and the last name", async () => {
  const { world, amal, mallory, group } = await four();
  for (let n = 0; n < 12; n++) await rename(mallory, `name ${String(n)}`);
  const told = await lines(amal, group);
  expect(told.length).toBe(NAMES_A_DAY);
  expect(told[0]).toEqual(["Mallory", "name 0"]);
  expect(told.at(-1)).toEqual(["name 3", "name 11"]);
  await world.pass(86_400_000);
  await rename(mallory, "later");
  expect((await lines(amal, group)).at(-1)).toEqual(["name 11", "later"]);
});

test("an older profile that comes late brings no old name back, and a clock ahead keeps none out", async () => {
  const { world, amal, mallory, group } = await four();
  const told = (name: string, sent: number) =>
    amal.core.step("late", (step) =>
      take(step, { account: mallory.id, sent } as messages.Opened, { op: "profile", name, contact_token: null }),
    );
  await rename(mallory, "Second");
  await told("First", world.time - 1);
  expect(await nameAt(amal, mallory)).toBe("Second");
  await told("Ahead", world.time + 3_600_000);
  world.time += 1_000;
  await rename(mallory, "Now");
  expect(await nameAt(amal, mallory)).toBe("Now");
  expect((await lines(amal, group)).map(([, name]) => name)).toEqual(["Second", "Ahead", "Now"]);
});

test("a name that shows nothing is none, and one over the limit is refused", async () => {
  const { amal, mallory, group } = await four();
  for (const blank of ["", "\u200b\u200d", "\u202e\u2066", "\u3164"]) await forge(mallory, group, blank);
  await forge(mallory, group, `${"ا".repeat(NAME_BYTES / 2)}a`);
  expect([await nameAt(amal, mallory), await lines(amal, group)]).toEqual(["Mallory", []]);
  await forge(mallory, group, "ا".repeat(NAME_BYTES / 2));
  expect((await lines(amal, group)).length).toBe(1);
});

test("who is blocked leaves no line", async () => {
  const { amal, boris, mallory, group } = await four();
  await amal.core.step("block", (step) => contact.shut(step, mallory.id, true, step.now));
  await rename(mallory, "Boris");
  expect(await lines(amal, group)).toEqual([]);
  expect(await lines(boris, group)).toEqual([["Mallory", "Boris"]]);
});
