/** Pins, archive, mute and drafts on two devices of one account, over a model of the service. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { GAP_MS, PAUSE_MS } from "../../protocol/chat/arranging.ts";
import * as chats from "../rules/chats.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { tabOf } from "../testing/host.ts";
import { type Person, World } from "../testing/people.ts";

type Tab = ReturnType<typeof tabOf>;

interface Three {
  readonly world: World;
  readonly phone: Person;
  readonly laptop: Person;
  readonly a: Tab;
  readonly b: Tab;
  readonly omar: Tab;
  readonly dm: Id;
}

const met = copies(async () => {
  const world = new World();
  const phone = await world.person("Anna");
  const other = await world.person("Omar");
  await phone.meet(other);
  const dm = await phone.core.step("dm", (step) => chats.openDm(step, other.id));
  await world.settle();
  const laptop = await world.device(phone);
  await world.settle();
  return { world, phone, laptop, other, dm };
});

async function three(): Promise<Three> {
  const { other, ...all } = await met();
  return { ...all, a: tabOf(all.phone), b: tabOf(all.laptop), omar: tabOf(other) };
}

const line = async (tab: Tab, id: Id) => (await tab.call.chats()).find((chat) => chat.id === id);
const sent = (person: Person) => person.core.look(async (look) => (await rows.items(look.tx)).length);

test("what one device arranges the other shows, and a message brings the chat back on both", async () => {
  const { world, a, b, omar, dm } = await three();
  await a.call.arrange({ chat: dm, act: "pin" });
  await b.call.arrange({ chat: dm, act: "mute", until: world.time + 3_600_000 });
  await world.settle();
  for (const tab of [a, b]) expect(await line(tab, dm)).toMatchObject({ pinned: true, muted: true });
  expect((await b.call.chats())[0]?.id).toBe(dm);
  await a.call.arrange({ chat: dm, act: "archive" });
  await world.settle();
  expect(await line(b, dm)).toMatchObject({ pinned: false, archived: true });
  world.time += 10;
  await omar.call.send({ chat: dm, text: "unheard" });
  await world.settle();
  expect(await line(b, dm)).toMatchObject({ archived: true, unread: 1 });
  world.time += 3_600_000;
  await omar.call.send({ chat: dm, text: "heard" });
  await world.settle();
  for (const tab of [a, b]) expect(await line(tab, dm)).toMatchObject({ archived: false, muted: false });
});

test("a sixth pin is refused", async () => {
  const { phone, a } = await three();
  for (let n = 0; n < 5; n++) {
    const id = await phone.core.step("group", (step) => chats.openGroup(step, `g${n}`, []));
    await a.call.arrange({ chat: id, act: "pin" });
  }
  const self = (await a.call.chats()).find(({ kind }) => kind === "self")?.id ?? "";
  await expect(a.call.arrange({ chat: self, act: "pin" })).rejects.toThrow("too-many-pins");
  const first = (await a.call.chats())[0];
  expect(first?.title).toBe("g0");
  await a.call.arrange({ chat: first?.id ?? "", act: "unpin" });
  await a.call.arrange({ chat: self, act: "pin" });
  expect((await a.call.chats()).slice(0, 5).map(({ title }) => title)).toEqual(["g1", "g2", "g3", "g4", ""]);
});

test("a draft is told after a pause, once in fifteen seconds, and is gone with its message", async () => {
  const { world, phone, a, b, dm } = await three();
  world.time += GAP_MS;
  for (let n = 1; n <= 5; n++) {
    await a.call.set_draft({ chat: dm, text: "salam".slice(0, n), left: false });
    await phone.core.tick();
    expect(await sent(phone)).toBe(0);
    world.time += PAUSE_MS - 1;
  }
  await world.pass(1);
  expect((await line(b, dm))?.draft).toBe("salam");
  await a.call.set_draft({ chat: dm, text: "salam Omar", left: true });
  await phone.core.tick();
  expect(await sent(phone)).toBe(0);
  await world.pass(GAP_MS);
  expect((await line(b, dm))?.draft).toBe("salam Omar");
  await b.call.send({ chat: dm, text: "salam Omar" });
  await world.settle();
  for (const tab of [a, b]) expect((await line(tab, dm))?.draft).toBeUndefined();
});

test("what somebody is writing is not taken from under their hands", async () => {
  const { world, a, b, dm } = await three();
  world.time += GAP_MS;
  await a.call.set_draft({ chat: dm, text: "from the phone", left: false });
  await b.call.set_draft({ chat: dm, text: "from the laptop", left: true });
  await world.pass(10);
  expect((await line(a, dm))?.draft).toBe("from the phone");
  await world.pass(2 * GAP_MS, 4);
  for (const tab of [a, b]) expect((await line(tab, dm))?.draft).toBe("from the phone");
});

test("a new device learns all of it", async () => {
  const { world, phone, a, dm } = await three();
  await a.call.arrange({ chat: dm, act: "pin" });
  await a.call.set_draft({ chat: dm, text: "half a thought", left: false });
  await a.call.set_settings({ typing: false });
  const third = tabOf(await world.device(phone));
  await world.settle();
  expect(await line(third, dm)).toMatchObject({ pinned: true, draft: "half a thought" });
  expect((await third.call.settings()).typing).toBe(false);
});

test("a mention is told of in a muted group", async () => {
  const { world, phone, a, omar, dm } = await three();
  const account = (await omar.call.chat({ id: dm })).peer ?? "";
  const other = (await a.call.chat({ id: dm })).peer ?? "";
  const group = await phone.core.step("group", (step) => chats.openGroup(step, "Trip", [other]));
  await world.settle();
  await a.call.arrange({ chat: group, act: "mute" });
  await omar.call.send({ chat: group, text: "hello" });
  await omar.call.send({ chat: group, text: "@Anna look", mentions: [{ start: 0, end: 5, account }] });
  await world.settle();
  const told = a.events.filter((event) => event.event === "incoming" && event.chat === group);
  expect(told.map((event) => event.event === "incoming" && [event.muted, event.mentioned])).toEqual([
    [true, false],
    [true, true],
  ]);
});
