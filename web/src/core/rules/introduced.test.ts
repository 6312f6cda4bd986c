/** Who has told us no contact token is added to no group yet: nobody waits for that without a word. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import { type Person, World } from "../testing/people.ts";
import { chatView } from "../verbs/views.ts";
import * as chats from "./chats.ts";
import * as sealing from "./sealing.ts";

const tokenOf = (who: Person, other: Person) =>
  who.core.look(async (look) => (await accounts.known(look, other.id)).contact_token);
const sendable = (who: Person) => who.core.look((look) => sealing.hasSendable(look));

async function pair(): Promise<{ world: World; anna: Person; omar: Person }> {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  return { world, anna, omar };
}

test("a Welcome tells its maker's own token, so that they can be added before their profile comes", async () => {
  const { world, anna, omar } = await pair();
  await anna.core.step("dm", async (step) => {
    const gid = await chats.openDm(step, omar.id);
    await step.changeChat(gid, { told: [omar.id] }); // as if the profile that follows had been lost
  });
  await world.settle();
  expect(await omar.dmWith(anna)).toBeDefined();
  expect(await tokenOf(omar, anna)).toEqual(anna.profile.profile_token);
});

test("a group with somebody who has not introduced themselves waits, says so, and holds up no sync", async () => {
  const { world, anna, omar } = await pair();
  const token = await tokenOf(anna, omar);
  const gid = await anna.core.step("forget", async (step) => {
    await accounts.change(step, omar.id, { contact_token: new Uint8Array() });
    return chats.openGroup(step, "Doves", [omar.id]);
  });
  await world.settle();
  const claims = async () =>
    (await anna.core.wants()).filter((want) => want.want === "claim" && want.account === omar.id);
  const waiting = () =>
    anna.core.look(async (look) => (await chatView(look, await look.chat(gid))).not_introduced.map(({ name }) => name));
  expect(await claims()).toEqual([]);
  expect(await waiting()).toEqual(["Omar"]);
  expect(await sendable(anna)).toBe(false);
  await anna.core.step("learn", (step) => accounts.change(step, omar.id, { contact_token: token }));
  expect(await waiting()).toEqual([]);
  expect(await sendable(anna)).toBe(true);
  expect(await claims()).toMatchObject([{ token }]);
  await world.settle();
  const chat = await omar.core.look(async (look) =>
    (await rows.allChats(look.tx)).find(({ title }) => title === "Doves"),
  );
  expect(chat?.status).toBe("active");
});
