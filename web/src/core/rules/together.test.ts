/** Two and more people over a model of the delivery service: they meet, talk, come and go. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { World } from "../testing/people.ts";
import * as chats from "./chats.ts";
import * as messages from "./messages.ts";

test("two people meet by a link and talk both ways", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await anna.core.step("say", (step) => messages.submitText(step, gid, "salam"));
  await world.settle();
  expect(await omar.texts(await omar.dmWith(anna))).toEqual(["salam"]);
  await omar.core.step("say", (step) => messages.submitText(step, gid, "and to you"));
  await world.settle();
  expect(await anna.texts(gid)).toEqual(["salam", "and to you"]);
  expect((await anna.lines(gid)).map((line) => line.state)).toEqual(["sent", "received"]);
});
