/** What the call worker makes of the page and the core: facts of a chat, a ring, a call that a reload cut off. */
import { beforeEach, afterEach, expect, test, vi } from "vitest";
import { encodeText } from "../../protocol/bytes.ts";
import type { Value } from "../../protocol/cbor.ts";
import { encodeSignal } from "../../protocol/calls/signals.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { FromCallWorker } from "../callorders.ts";
import { Conductor } from "./conduct.ts";
import { AskFailed, type CorePort, type News, type Question } from "./port.ts";
import { encodeKept } from "./record.ts";
import { askRelays, decodeRelays, nextAskMs } from "./relays.ts";
import type { CallKind, CallView } from "./view.ts";

const NOW = 1_800_000_000_000;
const GID = new Uint8Array(16).fill(7);
const CHAT = encodeB64(GID);
const [ME, ANNA] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
const [CALL, SECRET] = [new Uint8Array(16).fill(3), new Uint8Array(32).fill(4)];
const MEMBERS = [
  { leaf: 0, account: ME, device: 1 },
  { leaf: 1, account: ANNA, device: 1 },
];

/** The core's end: what it was asked, and what it tells. */
class FakeCore {
  readonly asked: [Question, Record<string, unknown>][] = [];
  record: Uint8Array | null = null;
  epoch = 1;
  ways: () => Promise<unknown> = () => Promise.resolve({ carries: true, rung: null });
  serve: () => Promise<unknown> = () => Promise.reject(new AskFailed({ code: "unreachable", category: "unavailable" }));
  #told: News[] = [];
  #come: () => void = () => undefined;

  ask(question: Question, of: Record<string, unknown>): Promise<unknown> {
    this.asked.push([question, of]);
    const base = { epoch: 1, baseKey: new Uint8Array(16), leaf: 0, members: MEMBERS };
    const token = { epoch: this.epoch, token: SECRET };
    if (question === "ways") return this.ways();
    if (question === "served") return this.serve().then((answer) => encodeText(JSON.stringify(answer)));
    const answers: Partial<Record<Question, unknown>> = { kept: this.record, keys: base, send: true, token };
    return Promise.resolve(answers[question]);
  }

  tell(news: News): void {
    this.#told.push(news);
    this.#come();
  }

  async *news(): AsyncGenerator<News, void> {
    for (;;) {
      yield* this.#told.splice(0);
      await new Promise<void>((resolve) => (this.#come = resolve));
    }
  }

  sent(): (Value | undefined)[] {
    return this.asked.flatMap(([question, of]) =>
      question === "send" ? [(of["fields"] as ReadonlyMap<string, Value>).get("t")] : [],
    );
  }
}

let core: FakeCore;
let posted: FromCallWorker[];
let conductor: Conductor;
let problems: unknown[];

const views = (): CallView[] => posted.flatMap((message) => ("view" in message ? [message.view] : []));
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const about = { chat: CHAT, known: true, group: false, heard: true, trusted: true };

async function begin(record: Uint8Array | null = null): Promise<void> {
  core = new FakeCore();
  core.record = record;
  [posted, problems] = [[], []];
  conductor = new Conductor({
    core: core as unknown as CorePort, // the parts that are used
    codec: undefined,
    post: (message) => posted.push(message),
    nowMs: () => Date.now(),
    random: (size) => new Uint8Array(size).fill(9),
    fail: (problem) => problems.push(problem),
  });
  void conductor.run();
  await settle();
}

const ring = (call = CALL): News => ({
  news: "signal",
  gid: GID,
  ...{ leaf: 1, account: ANNA, device: 1, ageMs: 100, epoch: 1 },
  fields: encodeSignal({ t: "ring", call, to: null, secret: SECRET, kind: "video" }),
});

const kept = (lastSeen: number, kind: CallKind = "audio"): Uint8Array =>
  encodeKept({
    gid: GID,
    record: { call: CALL, secret: SECRET, kind, caller: true, since: NOW - 60_000, leaves: [1] },
    nextCtx: 64,
    lastSeen,
  });

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

test("without a call the page is told so at once", async () => {
  await begin();
  expect(views().map(({ phase }) => phase)).toEqual(["idle"]);
});

test("a ring is shown once the page has said what the chat is, and is declined", async () => {
  await begin();
  core.tell(ring());
  await settle();
  expect(posted).toContainEqual({ about: CHAT });
  expect(views()).toHaveLength(1);
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ringing", direction: "incoming", kind: "video", chat: CHAT });
  const act = "decline";
  conductor.act({ act, call: encodeB64(SECRET.subarray(0, 16)) }, false);
  conductor.act({ act: "answer", call: "", kind: "audio" }, false);
  await settle();
  expect([core.sent(), views().at(-1)?.phase]).toEqual([[], "ringing"]);
  conductor.act({ act, call: encodeB64(CALL) }, false);
  await settle();
  expect(core.sent()).toEqual(["decline"]);
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "declined" });
});

test("a chat that is not accepted does not ring, and nothing is sent", async () => {
  await begin();
  core.tell(ring());
  await settle();
  conductor.tellChat({ ...about, heard: false });
  await settle();
  expect(views().filter(({ phase }) => phase !== "idle")).toEqual([]);
  expect(core.sent()).toEqual([]);
});

test.each([
  [about, false, false],
  [about, true, true],
  [{ ...about, trusted: false }, false, true],
  [{ ...about, group: true }, false, true],
])("dialling %o, hidden %s: relays alone %s", async (facts, hide, hidden) => {
  await begin();
  conductor.act({ act: "start", chat: CHAT, kind: "audio" }, hide);
  await settle();
  conductor.tellChat(facts);
  await settle();
  expect(core.sent()).toEqual(["ring"]);
  expect(views().at(-1)).toMatchObject({ phase: "ringing", direction: "outgoing", hidden_address: hidden });
});

test("news that break the session end the call, and the worker with it", async () => {
  await begin();
  core.tell(ring());
  await settle();
  conductor.tellChat(about);
  await settle();
  core.tell({ news: "epoch", gid: null as never, epoch: 2, removed: true });
  core.tell(ring());
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "failed", encrypted: false });
  expect(problems).toHaveLength(1);
});

test("who presses Call while it rings is shown the ring, and it can still be answered", async () => {
  await begin();
  core.tell(ring());
  await settle();
  conductor.tellChat(about);
  await settle();
  conductor.act({ act: "start", chat: CHAT, kind: "audio" }, false);
  expect(
    views()
      .slice(-2)
      .map(({ phase, direction }) => [phase, direction]),
  ).toEqual(Array(2).fill(["ringing", "incoming"]));
  expect(core.sent()).toEqual([]);
});

test("a call that was taken back before its chat was known never rings", async () => {
  await begin();
  conductor.act({ act: "start", chat: CHAT, kind: "audio" }, false);
  conductor.act({ act: "hang_up" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect([core.sent(), views().map(({ phase }) => phase)]).toEqual([[], ["idle"]]);
  conductor.act({ act: "start", chat: CHAT, kind: "audio" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(core.sent()).toEqual(["ring"]);
});

test("a call into a chat that is not here says that it failed", async () => {
  await begin();
  conductor.act({ act: "start", chat: CHAT, kind: "video" }, false);
  await settle();
  conductor.tellChat({ ...about, known: false });
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "failed", chat: CHAT, kind: "video" });
});

test("a call that a reload cut off is offered for half a minute, then forgotten", async () => {
  await begin(kept(NOW - 5_000));
  expect(views().at(-1)).toMatchObject({ phase: "recovering", chat: CHAT, direction: "outgoing", since: NOW - 60_000 });
  await vi.advanceTimersByTimeAsync(25_100);
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "lost" });
  expect(core.asked.filter(([question]) => question === "keep")).toEqual([["keep", { record: null }]]);
});

test("the record of a call that another one took the place of is forgotten, too", async () => {
  await begin(kept(NOW - 5_000));
  const other = new Uint8Array(16).fill(5);
  core.tell(ring(other));
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ringing", call: encodeB64(other) });
  conductor.act({ act: "decline", call: encodeB64(other) }, false);
  await vi.advanceTimersByTimeAsync(25_100);
  expect(core.asked.filter(([question]) => question === "keep")).toEqual([["keep", { record: null }]]);
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "declined" });
});

test("returning goes on with it; leaving says so to the others", async () => {
  await begin(kept(NOW - 5_000));
  conductor.act({ act: "return" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)?.phase).toBe("recovering");
  expect(core.sent()).toEqual(["lost"]);

  await begin(kept(NOW - 5_000));
  conductor.act({ act: "hang_up" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ended", ended: "hangup" });
  expect(core.sent()).toContain("end");
});

test("a call with pictures that a reload cut off claims no camera", async () => {
  await begin(kept(NOW - 5_000, "video"));
  expect(views().at(-1)).toMatchObject({ phase: "recovering", kind: "video", camera: false });
  conductor.act({ act: "return" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "recovering", kind: "video", camera: false });
});

test("who hides the address answers over relays alone, though the ring came before", async () => {
  await begin();
  core.tell(ring());
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(views().at(-1)).toMatchObject({ phase: "ringing", hidden_address: false });
  conductor.act({ act: "answer", call: encodeB64(CALL), kind: "audio" }, true);
  await settle();
  expect(views().at(-1)).toMatchObject({ hidden_address: true });
});

test("who hides the address returns over relays alone", async () => {
  await begin(kept(NOW - 5_000));
  conductor.act({ act: "return" }, true);
  await settle();
  conductor.tellChat(about);
  await settle();
  // There is none here, and no other way is tried.
  expect(views().at(-1)).toMatchObject({ ended: "failed", why: "no-route", hidden_address: true });
});

test("a call that is too old is not offered", async () => {
  await begin(kept(NOW - 40_000));
  expect(views().map(({ phase }) => phase)).toEqual(["idle"]);
});

const ANSWER = {
  ...{ ttl_s: 600, username: "u", credential: "c" },
  urls: ["turn:a:3478?transport=udp"],
};
const asking = (): unknown[] => core.asked.flatMap(([question, of]) => (question === "served" ? [of] : []));
const asked = (epoch: number): object => ({ what: "relay", gid: GID, request: { gid: GID, epoch, token: SECRET } });

test("relays are asked for with the group's token", async () => {
  await begin();
  core.serve = () => Promise.resolve(ANSWER);
  const found = await askRelays(core as unknown as CorePort, GID);
  expect(found?.servers).toHaveLength(1);
  expect(asking()).toEqual([asked(1)]);
});

test.each([
  [true, 2],
  [false, 1],
])("relays are asked for once more where the token was stale; the group moves on: %s", async (moves, times) => {
  await begin();
  const stale = new AskFailed({ code: "bad-group-token", category: "refused" });
  core.serve = () => (core.epoch === 1 ? Promise.reject(stale) : Promise.resolve(ANSWER));
  const found = askRelays(core as unknown as CorePort, GID);
  await vi.advanceTimersByTimeAsync(1_000);
  if (moves) core.epoch = 2;
  await vi.advanceTimersByTimeAsync(3_000);
  expect((await found)?.ttlS).toBe(moves ? 600 : undefined);
  expect(asking()).toHaveLength(times);
  if (moves) expect(asking()[1]).toEqual(asked(2));
});

test("relays that nobody tells of in time are none", async () => {
  await begin();
  core.serve = () => new Promise(() => undefined);
  const found = askRelays(core as unknown as CorePort, GID);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await found).toBeUndefined();
});

test.each([
  [{ ttl_s: 600, username: "u", credential: "c", urls: ["turn:a:3478?transport=udp", "http://x"] }, 1, 480_000],
  [{ ttl_s: 1, username: "u", credential: "c", urls: ["turn:a:3478"] }, 1, 10_000],
  [{ ttl_s: 600, username: "u", credential: "c", urls: [] }, 0, null],
  [{ username: "u", credential: "c", urls: ["turn:a:3478"] }, undefined, 30_000],
  [{ ttl_s: 600, urls: ["turn:a:3478"] }, undefined, 30_000],
  [null, undefined, 30_000],
  ["text", undefined, 30_000],
])("relays of %o", (answer, count, nextMs) => {
  const found = decodeRelays(answer);
  expect([found?.servers.length, nextAskMs(found)]).toEqual([count, nextMs]);
  if (count) expect(found?.servers[0]?.urls[0]).toMatch(/^turn:/);
});

test("relays are asked for again before they end, and not after the call", async () => {
  await begin(kept(NOW - 5_000));
  let times = 0;
  core.serve = () => Promise.resolve({ ...ANSWER, ttl_s: (times += 1) === 1 ? 20 : 600 });
  conductor.act({ act: "return" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  expect(times).toBe(1);
  await vi.advanceTimersByTimeAsync(15_900);
  expect(times).toBe(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(times).toBe(2);
  conductor.act({ act: "hang_up" }, false);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(times).toBe(2);
});

/** What the page was asked to open first: over relays alone, or not. */
const policies = (): string[] =>
  posted.flatMap((message) => ("order" in message && message.order === "send" ? [message.ice.policy] : []));

test.each([
  ["B", () => Promise.resolve({ carries: true, rung: "B" }), "relay"],
  ["nothing", () => Promise.resolve({ carries: true, rung: null }), "all"],
  ["an error", () => Promise.reject(new AskFailed({ code: "internal", category: "bug" })), "all"],
  ["no answer", () => new Promise(() => undefined), "all"],
] as const)("a network of which %s is remembered: the call begins", async (_, ways, first) => {
  await begin(kept(NOW - 5_000));
  core.serve = () => Promise.resolve({ ...ANSWER, urls: [...ANSWER.urls, "turn:a:3478?transport=tcp"] });
  core.ways = ways;
  conductor.act({ act: "return" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  if (policies().length === 0) await vi.advanceTimersByTimeAsync(1_000);
  expect(policies()).toEqual([first]);
});

test("in another network what is known of it is asked for, and a core that is silent holds nothing up", async () => {
  await begin(kept(NOW - 5_000));
  core.serve = () => Promise.resolve({ ...ANSWER, urls: [...ANSWER.urls, "turn:a:3478?transport=tcp"] });
  conductor.act({ act: "return" }, false);
  await settle();
  conductor.tellChat(about);
  await settle();
  core.ways = () => Promise.resolve({ carries: true, rung: "B" });
  conductor.hearPage({ report: "network" });
  await settle();
  expect(policies()).toEqual(["all", "relay"]);
  core.ways = () => new Promise(() => undefined);
  conductor.hearPage({ report: "network" });
  await settle();
  expect(policies()).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(250);
  expect(policies()).toEqual(["all", "relay", "all"]);
  expect(problems).toEqual([]);
});
