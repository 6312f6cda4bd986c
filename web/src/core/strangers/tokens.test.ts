/** Contact tokens that ended: whoever holds one reaches its owner all the same. Twin of tests/client/test_lost_tokens. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as readd from "../rules/readd.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { type Person, World } from "../testing/people.ts";
import { talkVerbs } from "../verbs/talk.ts";
import type { Host } from "../verbs/handlers.ts";
import { block, unblock } from "./blocking.ts";

const say = (who: Person, gid: Id, text: string) =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));
const list = (who: Person) => talkVerbs({ core: () => who.core, wake: () => undefined } as unknown as Host).chats();
const tokenOf = (who: Person, of: Person) =>
  who.core.look(async (look) => rows.idOf((await accounts.known(look, of.id)).contact_token));

/** Anna and Boris, who wrote to each other; Boris's device then lost the chat, and knows a token that ended. */
async function lost(): Promise<{ world: World; anna: Person; boris: Person; gid: Id }> {
  const world = new World();
  const anna = await world.person("Anna");
  const boris = await world.person("Boris");
  await anna.meet(boris);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, boris.id));
  await world.settle();
  await say(anna, gid, "salam");
  await say(boris, gid, "hello");
  await world.settle();
  world.service.ended.add(await tokenOf(boris, anna));
  await boris.core.step("lose", (step) => readd.lose(step, gid, "restored"));
  return { world, anna, boris, gid };
}

test("who lost the chat, and whose token ended, is let in again by whoever knows him", async () => {
  const { world, anna, boris, gid } = await lost();
  await say(boris, gid, "here again");
  await world.settle();
  await world.pass(60_000, 2);
  expect(await anna.texts(await anna.dmWith(boris))).toContain("here again");
  await say(anna, await anna.dmWith(boris), "welcome back");
  await world.settle();
  expect(await boris.texts(await boris.dmWith(anna))).toContain("welcome back");
  for (const who of [anna, boris]) expect((await list(who)).filter(({ kind }) => kind === "dm")).toHaveLength(1);
});

test("a blocked one is not let in, sees nothing but silence, and learns the token when unblocked", async () => {
  const { world, anna, boris, gid } = await lost();
  await anna.core.step("block", (step) => block(step, boris.id));
  await say(boris, gid, "while blocked");
  await world.settle();
  await world.pass(2 * readd.ROUND_MS, 4);
  expect(await anna.texts(gid)).not.toContain("while blocked");
  expect((await list(boris)).filter(({ kind }) => kind === "dm")).toHaveLength(1);
  expect((await boris.core.look((look) => rows.allChats(look.tx))).filter(({ peer }) => peer !== "")).toHaveLength(2);
  await anna.core.step("unblock", (step) => unblock(step, boris.id));
  await world.settle();
  // Its one request was shut out, and nothing else would ever bring it back.
  expect(await anna.texts(gid)).toEqual(["salam", "hello", "while blocked"]);
});

test("whoever is unblocked is told the new token before anybody writes", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const boris = await world.person("Boris");
  await anna.meet(boris);
  await anna.core.step("dm", (step) => chats.openDm(step, boris.id));
  await world.settle();
  await anna.core.step("block", (step) => block(step, boris.id));
  await world.settle();
  const own = () => anna.core.look((look) => Promise.resolve(rows.idOf(look.profile.profile_token)));
  expect(await tokenOf(boris, anna)).not.toBe(await own());
  await anna.core.step("unblock", (step) => unblock(step, boris.id));
  await world.settle();
  expect(await tokenOf(boris, anna)).toBe(await own());
});
