/** A group of four, which many tests about groups begin with. */
import { HEAD_JUMP } from "../../protocol/limits.ts";
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

/** What a backup keeps of the groups of a server; the result puts it in the place of what is there then. */
export function backUp({ service, people }: World): () => Promise<void> {
  const copy = () => [...held].map(([gid, row]) => [gid, { ...row, roster: new Map(row.roster) }] as const);
  let held: ReadonlyMap<string, ReturnType<typeof service.groups.get> & object> = service.groups;
  held = new Map(copy());
  return async () => {
    service.groups.clear();
    for (const [gid, row] of copy()) service.groups.set(gid, row);
    for (const mailbox of service.mailboxes.values()) {
      mailbox.queue = [];
      mailbox.next += 2 * HEAD_JUMP;
    }
    for (const person of people) await person.core.wantDrain();
  };
}
