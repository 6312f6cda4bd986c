/** What the page makes of prompts, views and acts, between a worker and devices that the test plays. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FromCallWorker, ToCallWorker } from "../../core/callorders.ts";
import type { CallAct, CallView } from "../../core/calls/view.ts";
import type { Link } from "../../core/link.ts";
import type { Calls } from "../../state/host.ts";
import { openPage } from "./calls-page.ts";

class FakeWorker extends EventTarget {
  readonly heard: ToCallWorker[] = [];
  postMessage(message: ToCallWorker): void {
    this.heard.push(message);
  }
  terminate(): void {}
  say(data: FromCallWorker): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  acts(): CallAct[] {
    return this.heard.flatMap((one) => ("act" in one ? [one.act] : []));
  }
}

const IDLE: CallView = {
  ...{ phase: "idle", chat: "", call: "", direction: "outgoing", kind: "audio", since: 0, silent: false, peers: [] },
  ...{ mic: true, camera: false, tried: [], encrypted: false, hidden_address: false },
};
const RING: CallView = { ...IDLE, phase: "ringing", direction: "incoming", chat: "c1", call: "k1" };
const DIALLED: CallView = { ...IDLE, phase: "ringing", chat: "c1", call: "k2" };
const answer = { act: "answer", call: "k1", kind: "video" } as const;
const start = { act: "start", chat: "c1", kind: "audio" } as const;

let worker: FakeWorker;
let calls: Calls;
let chat: Record<string, unknown>;
let deaths: number;
/** The prompts that wait, and how many devices are open. */
let prompts: (() => void)[];
let open: number;
/** The name of the error that a prompt ends with. */
let refusing: string | undefined;

function getUserMedia(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    prompts.push(() => {
      if (refusing !== undefined) return reject(new DOMException("", refusing));
      open += 1;
      const track = { stop: () => (open -= 1), enabled: true };
      resolve({ getTracks: () => [track] });
    });
  });
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
async function allow(): Promise<void> {
  for (const prompt of prompts.splice(0)) prompt();
  await settle();
}

beforeEach(async () => {
  [worker, prompts, open, deaths] = [new FakeWorker(), [], 0, 0];
  refusing = undefined;
  chat = { status: "active", kind: "dm", may: { send: true }, key_changed: false, members: [{ contact: true }] };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  // Only that they are there is asked, or nothing is asked of them.
  for (const name of ["RTCRtpScriptTransform", "RTCPeerConnection", "MediaStream"]) vi.stubGlobal(name, Object);
  for (const name of ["addEventListener", "removeEventListener"]) vi.stubGlobal(name, Object);
  const link = { call: (name: string) => Promise.resolve(name === "chat" ? chat : undefined) } as unknown as Link;
  const options = { hideAddress: () => false, died: () => (deaths += 1) };
  calls = await openPage(link, () => worker as unknown as Worker, options);
  worker.say({ view: IDLE });
});
afterEach(() => {
  calls.close();
  vi.unstubAllGlobals();
});

test.each([
  [{}, true, true],
  [{ key_changed: true }, false, false],
  [{ may: { send: false } }, false, true],
  [{ kind: "group" }, true, false],
])("of a chat with %o: heard %s, trusted %s", async (facts, heard, trusted) => {
  Object.assign(chat, facts);
  worker.say({ about: "c1" });
  await settle();
  expect(worker.heard.at(-1)).toMatchObject({ chat: "c1", known: true, heard, trusted });
});

test("devices are opened for the call that rings, and closed with it", async () => {
  worker.say({ view: RING });
  void calls.act(answer);
  await allow();
  await allow();
  expect([worker.acts(), open]).toEqual([[answer], 2]);
  worker.say({ view: { ...RING, phase: "active" } });
  worker.say({ view: { ...RING, phase: "ended", ended: "remote" } });
  expect(open).toBe(0);
});

test.each([
  ["ended", { ...RING, phase: "ended" as const, ended: "cancelled" as const }],
  ["gave way to another", { ...RING, call: "k9" }],
])("a call that %s while the browser asked is not answered, and nothing stays open", async (_, view) => {
  worker.say({ view: RING });
  void calls.act(answer);
  worker.say({ view });
  await allow();
  await allow();
  expect([worker.acts(), open]).toEqual([[], 0]);
});

test("what rings while the browser asks for a start takes its place", async () => {
  void calls.act(start);
  worker.say({ view: RING });
  await allow();
  expect([worker.acts(), open]).toEqual([[], 0]);
  // Where the worker knew of it first, it shows it instead of the start.
  worker.say({ view: IDLE });
  void calls.act(start);
  await allow();
  expect([worker.acts(), open]).toEqual([[start], 1]);
  worker.say({ view: RING });
  expect(open).toBe(0);
});

test("a ring that is answered while a start still asks keeps its microphone", async () => {
  void calls.act(start);
  worker.say({ view: RING });
  void calls.act({ ...answer, kind: "audio" });
  await allow();
  expect([worker.acts().map(({ act }) => act), open]).toEqual([["answer"], 1]);
});

test("a start that is taken back, and one that failed, leave nothing open", async () => {
  void calls.act(start);
  void calls.act({ act: "hang_up" });
  await allow();
  expect([worker.acts(), open]).toEqual([[{ act: "hang_up" }], 0]);
  void calls.act(start);
  await allow();
  worker.say({ view: { ...DIALLED, phase: "ended", ended: "failed" } });
  expect(open).toBe(0);
});

test("a camera that was turned off while the browser asked stays off", async () => {
  worker.say({ view: { ...DIALLED, phase: "active" } });
  void calls.act({ act: "camera", on: true });
  void calls.act({ act: "camera", on: false });
  await allow();
  expect([worker.acts(), open]).toEqual([[{ act: "camera", on: false }], 0]);
});

test("a call whose camera cannot be opened says that it is off, and why", async () => {
  const video = { ...start, kind: "video" } as const;
  void calls.act(video);
  await allow();
  refusing = "NotAllowedError";
  await allow();
  expect([worker.acts(), open]).toEqual([[video], 1]);
  worker.say({ view: { ...DIALLED, camera: true } });
  expect(worker.acts().at(-1)).toEqual({ act: "camera", on: false });
  worker.say({ view: DIALLED });
  expect([calls.videos().refused, worker.acts().length]).toEqual(["permission-denied", 2]);
  refusing = undefined;
  void calls.act({ act: "camera", on: true });
  await allow();
  expect([calls.videos().refused, worker.acts().at(-1), open]).toEqual([undefined, { act: "camera", on: true }, 2]);
});

test("the death of the worker ends the call and is told", () => {
  const seen: CallView[] = [];
  calls.onView((view) => seen.push(view));
  worker.say({ view: { ...DIALLED, phase: "active", encrypted: true } });
  worker.dispatchEvent(new Event("error"));
  expect(seen.at(-1)).toMatchObject({ phase: "ended", ended: "failed", encrypted: false });
  expect(deaths).toBe(1);
});
