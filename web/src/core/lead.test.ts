/** Election over a model of Web Locks: one leads, the others hand on; silence, theft and the end of a tab. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallName, CoreEvent, Lead } from "./api.ts";
import { Election, type Leading, type Locks, SILENCE_MS } from "./lead.ts";

/** Web Locks of one browser: one name is enough here. */
class Browser {
  private holder: { reject(problem: Error): void } | undefined;
  private waiting: (() => void)[] = [];

  readonly locks: Locks = {
    request: async (_name, options, callback) => {
      if (options.steal) {
        this.holder?.reject(new DOMException("stolen", "AbortError"));
        this.holder = undefined;
      } else if (this.holder !== undefined) {
        if (options.ifAvailable) return callback(null);
        await new Promise<void>((resolve) => this.waiting.push(resolve));
      }
      return this.hold(callback);
    },
  };

  private async hold(callback: (lock: object | null) => Promise<unknown>): Promise<unknown> {
    let mine: { reject(problem: Error): void } | undefined;
    const stolen = new Promise<never>((_resolve, reject) => (mine = { reject }));
    this.holder = mine;
    try {
      return await Promise.race([callback({}), stolen]);
    } finally {
      if (this.holder === mine) {
        this.holder = undefined;
        this.waiting.shift()?.();
      }
    }
  }
}

/** All channels of one browser; a frozen tab hears nothing until it thaws. */
class Air {
  readonly channels = new Set<FakeChannel>();
}

class FakeChannel {
  onmessage: ((event: MessageEvent) => void) | null = null;
  frozen = false;
  private missed: unknown[] = [];

  constructor(private readonly air: Air) {
    air.channels.add(this);
  }

  postMessage(data: unknown): void {
    if (this.frozen) return;
    for (const other of this.air.channels) if (other !== this) queueMicrotask(() => other.hear(data));
  }

  private hear(data: unknown): void {
    if (this.frozen) this.missed.push(data);
    else this.onmessage?.({ data } as MessageEvent);
  }

  thaw(): void {
    this.frozen = false;
    for (const data of this.missed.splice(0)) this.hear(data);
  }
}

interface Tab {
  readonly election: Election;
  readonly channel: FakeChannel;
  readonly phases: string[];
  readonly events: CoreEvent[];
  /** Calls that this tab's worker carried out. */
  readonly made: string[];
  stopped: boolean;
}

let made = 0;

function tab(
  browser: Browser,
  air: Air,
  run: (name: CallName) => Promise<unknown> = (name) => Promise.resolve(name),
): Tab {
  const channel = new FakeChannel(air);
  const self: Tab = { channel, phases: [], events: [], made: [], stopped: false } as unknown as Tab;
  const leading: Leading = {
    call: (name) => {
      self.made.push(name);
      return run(name);
    },
    stop: () => (self.stopped = true),
  };
  const election = new Election({
    profile: "main",
    locks: browser.locks,
    channel: channel as unknown as BroadcastChannel,
    self: `tab ${made++}`,
    begin: (emit) => {
      (self as { tell?: unknown }).tell = emit;
      return Promise.resolve(leading);
    },
    emit: (event) => self.events.push(event),
    phase: (lead: Lead) => self.phases.push(lead.phase),
  });
  Object.assign(self, { election });
  return self;
}

const tellOf = (from: Tab) => (from as unknown as { tell: (event: CoreEvent) => void }).tell;
/** Let everything that needs no timer happen. */
const quiet = () => vi.advanceTimersByTimeAsync(0);

async function two(run?: (name: CallName) => Promise<unknown>) {
  const browser = new Browser();
  const air = new Air();
  const first = tab(browser, air, run);
  const second = tab(browser, air);
  void first.election.start();
  await quiet();
  void second.election.start().catch(() => undefined);
  await quiet();
  return { browser, air, first, second };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first tab leads, the second follows, hands its calls on and hears the events", async () => {
  const { first, second } = await two();
  expect([first.phases, second.phases]).toEqual([["leading"], ["following"]]);
  await expect(second.election.call("chats", undefined)).resolves.toBe("chats");
  expect([first.made, second.made]).toEqual([["chats"], []]);
  tellOf(first)({ event: "chats" });
  await quiet();
  expect([first.events, second.events]).toEqual([[{ event: "chats" }], [{ event: "chats" }]]);
});

test("a call worker's port goes to the leading tab's own worker and to no other", async () => {
  const { browser, air, first, second } = await two();
  const third = tab(browser, air);
  for (const other of [second, third]) {
    await expect(other.election.call("open_calls", { port: {} })).rejects.toThrow("not-leading");
  }
  await expect(first.election.call("open_calls", { port: {} })).resolves.toBe("open_calls");
  expect([first.made, second.made]).toEqual([["open_calls"], []]);
});

test("a call made before the tab knows who leads is handed on", async () => {
  const { browser, air, first } = await two();
  const third = tab(browser, air);
  const answer = third.election.call("chats", undefined);
  void third.election.start().catch(() => undefined);
  await quiet();
  await expect(answer).resolves.toBe("chats");
  expect(first.made).toEqual(["chats"]);
});

test("the leader's tab is closed: the follower leads at once", async () => {
  const { first, second } = await two();
  first.election.stop("erased");
  first.channel.onmessage = null;
  await quiet();
  // Erasing ends the others too: nothing is left to lead.
  expect(second.election.lead).toEqual({ phase: "stopped", reason: "erased" });
  const { first: leader, second: follower } = await two();
  leader.election.stop("lost-lead");
  await quiet();
  expect(follower.phases).toEqual(["following", "leading"]);
});

test("a visible follower takes the lead of a frozen leader after 3 s; its call is made once, here", async () => {
  const { first, second } = await two();
  second.election.setVisible(true);
  await quiet();
  first.channel.frozen = true;
  const answer = second.election.call("chats", undefined);
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
  expect(second.phases).toEqual(["following"]);
  await vi.advanceTimersByTimeAsync(1);
  await expect(answer).resolves.toBe("chats");
  expect(second.phases).toEqual(["following", "leading"]);
  first.channel.thaw();
  await quiet();
  expect(first.election.lead).toEqual({ phase: "stopped", reason: "lost-lead" });
  expect(first.stopped).toBe(true);
  expect([first.made, second.made]).toEqual([[], ["chats"]]);
});

test("a hidden follower waits for however long", async () => {
  const { first, second } = await two();
  first.channel.frozen = true;
  void second.election.call("chats", undefined).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(10 * SILENCE_MS);
  expect(second.phases).toEqual(["following"]);
});

test("a call that the old leader had taken may have happened: it fails instead of being made twice", async () => {
  const { first, second } = await two(() => new Promise(() => undefined));
  second.election.setVisible(true);
  const answer = second.election.call("send", { chat: "c", text: "once" });
  const caught = expect(answer).rejects.toMatchObject({ failure: { code: "lost-lead" } });
  await quiet();
  first.channel.frozen = true;
  first.election.stop("lost-lead");
  await quiet();
  await caught;
  expect(second.phases).toEqual(["following", "leading"]);
  expect(second.made).toEqual([]);
});

test("a slow call is no silence: the leader said that it has taken it", async () => {
  const { second } = await two(() => new Promise(() => undefined));
  second.election.setVisible(true);
  void second.election.call("create_account", { name: "Anna" }).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(10 * SILENCE_MS);
  expect(second.phases).toEqual(["following"]);
});

test("after the end every call fails, and none is forgotten", async () => {
  const { first } = await two();
  first.election.stop("lost-lead");
  await expect(first.election.call("chats", undefined)).rejects.toMatchObject({ code: "lost-lead" });
});
