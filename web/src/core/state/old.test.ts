/** Rows as the versions before this one wrote them: whoever upgrades sees the same chats, and nothing throws. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import * as chats from "../rules/chats.ts";
import * as duties from "../rules/duties.ts";
import { tabOf } from "../testing/host.ts";
import { World } from "../testing/people.ts";
import * as rows from "./rows.ts";

const LATER = ["heard", "timer", "request", "invites", "quiet", "put_out", "unshown", "perms"] as const;

test("an old draft and an old mute stay, and chats without later fields are chats", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const dm = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await anna.core.step("upgrade", async (step) => {
    const old = { ...(await step.chat(dm)) };
    for (const name of LATER) Reflect.deleteProperty(old, name);
    await step.tx.put("chat", rows.bytesOf(dm), rows.encodeRow({ ...old, muted: true }));
    await step.tx.put("draft", rows.bytesOf(dm), rows.encodeRow({ text: "half a", reply_to: "" }));
    await duties.daily(step);
  });
  const tab = tabOf(anna);
  const line = async () => (await tab.call.chats()).find((chat) => chat.id === dm);
  expect(await line()).toMatchObject({ draft: "half a", muted: true, timer: 0, pinned: false });
  await tab.call.arrange({ chat: dm, act: "pin" });
  expect(await line()).toMatchObject({ draft: "half a", pinned: true });
  await tab.call.arrange({ chat: dm, act: "mute", until: 0 });
  await anna.core.step("daily", (step) => duties.daily(step));
  expect(await line()).toMatchObject({ muted: false });
  await tab.call.set_draft({ chat: dm, text: "", left: true });
  expect(await line()).not.toHaveProperty("draft");
  await tab.call.send({ chat: dm, text: "whole" });
  await world.settle();
  expect(await line()).toMatchObject({ last: { text: "whole" } });
});

test("an old draft that answers a message still does", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  await world.settle();
  const all = await anna.core.look((look) => rows.allChats(look.tx));
  const id = all[0]?.gid ?? "";
  const reply_to = rows.idOf(new Uint8Array(32).fill(7));
  await anna.core.step("upgrade", (step) =>
    step.tx.put("draft", rows.bytesOf(id), rows.encodeRow({ text: "", reply_to })),
  );
  expect(await tabOf(anna).call.chat({ id: id })).toMatchObject({ reply_draft: reply_to });
});
