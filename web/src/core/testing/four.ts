/** A group of four, which many tests about groups begin with. */
import type { Id } from "../state/rows.ts";
import * as chats from "../rules/chats.ts";
import * as groups from "../rules/groups.ts";
import { copies } from "./copies.ts";
import { type Person, World } from "./people.ts";

export interface Four {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly cleo: Person;
  readonly mallory: Person;
  readonly gid: Id;
}

/** Anna's group with Omar, an admin, and Cleo and Mallory, members; all know each other. */
export const four = copies(async (): Promise<Four> => {
  const world = new World();
  const [anna, omar] = [await world.person("Anna"), await world.person("Omar")];
  const [cleo, mallory] = [await world.person("Cleo"), await world.person("Mallory")];
  const people = [anna, omar, cleo, mallory];
  for (const one of people) for (const other of people) if (one !== other) await one.meet(other);
  const gid = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, cleo.id, mallory.id]));
  await world.settle();
  await anna.core.step("role", (step) => chats.setRole(step, gid, omar.id, groups.ADMIN));
  await world.settle();
  return { world, anna, omar, cleo, mallory, gid };
});
