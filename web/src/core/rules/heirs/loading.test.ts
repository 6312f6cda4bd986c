/** Code about successors that does not come is no fault of what came: nothing is taken, and all of it comes again. */
import "fake-indexeddb/auto";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import * as rows from "../../state/rows.ts";
import type { Chat } from "../../state/rows.ts";
import { commitSettings } from "../../testing/forging.ts";
import { four } from "../../testing/four.ts";
import type { Person } from "../../testing/people.ts";
import * as groups from "../groups.ts";

/** cut: what does not come of it, "" for nothing. */
const line = vi.hoisted((): { cut: "" | "all" | "takeBack" } => {
  vi.resetModules(); // other files of this worker have the real one
  return { cut: "" };
});
afterAll(() => vi.resetModules());
vi.mock("./loading.ts", async () => {
  const { error } = await import("../../../protocol/errors.ts");
  const fail = () => Promise.reject(error("unreachable"));
  const heirs = async () => {
    if (line.cut === "all") return fail();
    return { ...(await import("./heirs.ts")), ...(line.cut === "takeBack" && { takeBack: fail }) };
  };
  return { heirs };
});
beforeEach(() => {
  line.cut = "";
});

/** The one chat that the group is to a person. */
async function place(who: Person): Promise<Chat> {
  const all = await who.core.look((look) => rows.allChats(look.tx));
  const [found, ...more] = all.filter((c) => c.kind === groups.GROUP && c.merged === "" && !c.quiet);
  if (found === undefined || more.length > 0) throw new Error(`${who.profile.name} sees ${more.length + 1} chats`);
  return found;
}

/** What this device receives now needs code that does not come. */
async function turnInVain(who: Person, cut: "all" | "takeBack"): Promise<void> {
  line.cut = cut;
  await expect(who.turn()).rejects.toMatchObject({ code: "unreachable" });
  line.cut = "";
}

test("a Welcome into the group that follows is taken once the code is there", async () => {
  const { world, anna, cleo, mallory, gid } = await four();
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await cleo.turn();
  cleo.away = true;
  await world.pass(40_000, 8);
  const fresh = (await place(anna)).gid;
  expect(fresh).not.toBe(gid);
  await turnInVain(cleo, "all");
  cleo.away = false;
  await world.settle();
  expect((await place(cleo)).gid).toBe(fresh);
});

test("whoever was missing and asks is brought in once the code is there", async () => {
  const { world, anna, omar, cleo, mallory, gid } = await four();
  cleo.away = true;
  world.service.refused.add(cleo.id);
  await commitSettings(mallory, gid, { name: "Mallory's" });
  await world.pass(900_000, 45);
  const fresh = (await place(anna)).gid;
  expect((await place(omar)).absent).toEqual([cleo.id]);
  world.service.refused.clear();
  cleo.away = false;
  anna.away = omar.away = true;
  await world.pass(300_000, 10);
  await turnInVain(anna, "takeBack");
  anna.away = omar.away = false;
  await world.pass(300_000, 10);
  expect((await place(cleo)).gid).toBe(fresh);
});
