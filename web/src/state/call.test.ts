/** What the page makes of a call's views: who takes part, what is offered after a reload, what stays after its end. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallAct, CallView } from "../core/calls/view.ts";
import type { CallOptions, Calls, Host } from "./host.ts";

const IDLE: CallView = {
  phase: "idle",
  chat: "",
  call: "",
  direction: "outgoing",
  kind: "audio",
  since: 0,
  silent: false,
  peers: [],
  mic: true,
  camera: false,
  tried: [],
  encrypted: false,
  hidden_address: false,
};
const RING: CallView = { ...IDLE, phase: "ringing", chat: "c1", call: "k1", direction: "incoming", since: 1_000 };
const TALK: CallView = { ...RING, phase: "active", since: 10_000, encrypted: true };

class FakeCalls implements Calls {
  readonly acts: CallAct[] = [];
  refuse: string | undefined;
  show: (view: CallView) => void = () => undefined;
  act(act: CallAct): Promise<void> {
    this.acts.push(act);
    return this.refuse === undefined
      ? Promise.resolve()
      : Promise.reject(Object.assign(new Error(), { code: this.refuse }));
  }
  onView(listener: (view: CallView) => void): () => void {
    this.show = listener;
    listener(IDLE);
    return () => undefined;
  }
  videos = () => ({ peers: new Map<number, MediaStream>() });
  onVideos = (): (() => void) => () => undefined;
  devices = () => Promise.resolve([{ id: "m", kind: "microphone" as const, label: "", chosen: true }]);
  choose = (): Promise<void> => Promise.resolve();
  close(): void {}
}

let fake: FakeCalls;
let kept: Map<string, string>;
let opened: number;
let failing: boolean;
let died: () => void;

/** Fresh modules over a host with a core that knows one chat, and these calls. */
async function page(lead: "leading" | "following" = "leading") {
  vi.resetModules();
  const { useHost } = await import("./host.ts");
  const answers: Record<string, unknown> = {
    chat: { id: "c1", title: "Anna", members: [{ account: "a1", name: "Anna" }] },
  };
  const host = {
    link: { call: (name: string) => Promise.resolve(answers[name]), on: () => () => undefined },
    browser: {
      readPreference: (name: string) => kept.get(name),
      writePreference: (name: string, value: string) => kept.set(name, value),
    },
    openCalls: (options: CallOptions) => {
      opened += 1;
      died = () => options.died();
      return failing ? Promise.reject(new Error("no worker")) : Promise.resolve(fake);
    },
  };
  useHost(host as unknown as Host); // the parts that a call touches
  const { session } = await import("./session.svelte.ts");
  session.status = { lead: { phase: lead } } as never;
  return (await import("./call.svelte.ts")).calling;
}

beforeEach(() => {
  fake = new FakeCalls();
  kept = new Map();
  opened = 0;
  failing = false;
  vi.useFakeTimers({ now: 20_000 });
});
afterEach(() => vi.useRealTimers());

test("a call that rings is answered, is counted, and leaves its reason", async () => {
  const calling = await page();
  await calling.open();
  expect(calling.settled).toBe(true);
  fake.show(RING);
  expect([calling.incoming, calling.live, calling.offered]).toEqual([true, true, false]);
  expect(kept.get("call-live")).toBe("yes");
  await calling.answer("video");
  fake.show(TALK);
  expect(fake.acts).toEqual([{ act: "answer", call: "k1", kind: "video" }]);
  expect([calling.offered, calling.elapsed_s]).toEqual([false, 10]);
  vi.advanceTimersByTime(5_000);
  expect(calling.elapsed_s).toBe(15);
  expect(calling.nameOf("a1")).toBe("Anna");
  fake.show({ ...TALK, phase: "ended", ended: "remote" });
  vi.advanceTimersByTime(5_000);
  expect([calling.live, calling.elapsed_s, calling.view?.ended]).toEqual([false, 15, "remote"]);
  expect(kept.get("call-live")).toBe("no");
  calling.dismiss();
  expect(calling.chatId).toBeUndefined();
});

test("what one ends oneself needs no word", async () => {
  const calling = await page();
  await calling.start("c1", "audio");
  expect(calling.starting).toEqual({ chat: "c1", kind: "audio" });
  fake.show({ ...TALK, direction: "outgoing" });
  expect([calling.starting, calling.joined]).toEqual([undefined, true]);
  fake.show({ ...TALK, direction: "outgoing", phase: "ended", ended: "hangup" });
  expect(calling.view).toBeUndefined();
});

test("after a reload the call is offered until somebody returns", async () => {
  const calling = await page();
  await calling.open();
  fake.show({ ...TALK, phase: "recovering" });
  expect(calling.offered).toBe(true);
  await calling.returnTo();
  expect([calling.offered, fake.acts]).toEqual([false, [{ act: "return" }]]);
});

test.each([
  ["no-device", "no-device"],
  ["permission-denied", "permission-denied"],
  ["strange", "failed"],
])("%s: the reason stays, and nothing goes on", async (code, shown) => {
  const calling = await page();
  fake.refuse = code;
  await calling.start("c1", "video");
  expect(calling.problem).toEqual({ code: shown, chat: "c1", kind: "video" });
  expect([calling.starting, calling.live, calling.joined]).toEqual([undefined, false, false]);
  fake.refuse = undefined;
  await calling.start("c1", "video");
  expect([calling.problem, opened]).toEqual([undefined, 1]);
});

test("calls that could not be opened are asked for again", async () => {
  const calling = await page();
  failing = true;
  await calling.start("c1", "audio");
  expect(calling.problem?.code).toBe("failed");
  failing = false;
  await calling.start("c1", "audio");
  expect([opened, fake.acts.length]).toEqual([2, 1]);
});

test("a tab that does not lead makes no calls", async () => {
  const calling = await page("following");
  await calling.start("c1", "audio");
  expect([calling.problem?.code, opened]).toEqual(["following", 0]);
});

test("a new ring is not one that was silenced before, nor one that was joined", async () => {
  const calling = await page();
  await calling.open();
  fake.show(RING);
  calling.hush();
  expect(calling.hushed).toBe(true);
  fake.show({ ...RING, phase: "ended", ended: "missed" });
  fake.show({ ...RING, call: "k2" });
  expect([calling.hushed, calling.joined]).toEqual([false, false]);
});

test("what rings while a call of one's own begins can be answered, and is not one's own", async () => {
  const calling = await page();
  await calling.start("c2", "audio");
  fake.show(RING);
  expect([calling.starting, calling.joined, calling.incoming]).toEqual([undefined, false, true]);
  fake.show({ ...TALK, call: "k3", phase: "recovering" });
  expect(calling.offered).toBe(true);
});

test("a worker that dies takes the start with it, and another one hears the next ring", async () => {
  const calling = await page();
  await calling.start("c1", "audio");
  died();
  expect([calling.starting, calling.problem?.code]).toEqual([undefined, "failed"]);
  await vi.advanceTimersByTimeAsync(0);
  expect(opened).toBe(2);
  fake.show(RING);
  expect(calling.incoming).toBe(true);
  died();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(opened).toBe(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(opened).toBe(3);
});

test("a call that ended with its worker says so until it is dismissed", async () => {
  const calling = await page();
  await calling.open();
  fake.show(TALK);
  fake.show({ ...TALK, phase: "ended", ended: "failed" });
  died();
  await vi.advanceTimersByTimeAsync(0);
  expect([opened, calling.view?.ended]).toEqual([2, "failed"]);
});

test("a start is taken back, whatever the browser says then", async () => {
  const calling = await page();
  fake.refuse = "permission-denied";
  const started = calling.start("c1", "audio");
  calling.cancelStart();
  await started;
  expect([calling.starting, calling.problem, calling.joined]).toEqual([undefined, undefined, false]);
  expect(fake.acts).toContainEqual({ act: "hang_up" });
});
