/** When this browser is subscribed, and what the server hears of it: the switch, the browser's leave, muted chats, the end. */
import { beforeEach, expect, test, vi } from "vitest";
import type { CoreEvent } from "../../core/api.ts";
import type { Link } from "../../core/link.ts";
import type { PushTools, Subscription } from "../../platform/push/pushtools.ts";
import { type Host, useHost } from "../host.ts";

vi.stubGlobal("$state", (value: unknown) => value);
vi.stubGlobal("navigator", {});
vi.stubGlobal("document", { documentElement: { lang: "ar" } });
const { Push } = await import("./push.svelte.ts");

/** A browser and a server around one switch. */
class Around {
  preferences = new Map<string, string>();
  permission: "granted" | "denied" | "default" = "default";
  agrees = true;
  held: Subscription | undefined;
  made = 0;
  key = "server-key";
  row: string | undefined;
  calls: string[] = [];
  chats: { kind: string; muted: boolean }[] = [{ kind: "self", muted: false }];
  down = false;
  words: unknown;
  now = Date.UTC(2026, 10, 27);
  turn: Promise<void> = Promise.resolve();
  tell: (event: CoreEvent) => void = () => undefined;

  tools: PushTools = {
    support: () => "yes",
    isKept: () => true,
    current: () => Promise.resolve(this.held),
    subscribe: (key) => {
      this.held = { endpoint: `https://push.example/${String(++this.made)}`, p256dh: "p", auth: "a", key };
      return Promise.resolve(this.held);
    },
    unsubscribe: () => {
      this.held = undefined;
      return Promise.resolve();
    },
    alone: (work) => (this.turn = this.turn.then(work, work)),
    keepWords: (words) => {
      this.words = words;
      return Promise.resolve();
    },
    clear: () => Promise.resolve(),
    onWord: () => () => undefined,
  };

  constructor() {
    const call = (name: string, args?: { endpoint: string }): Promise<unknown> => {
      this.calls.push(name);
      if (this.down && name !== "chats") return Promise.reject(Object.assign(new Error(name), { code: "unreachable" }));
      if (name === "set_push") this.row = args?.endpoint;
      if (name === "drop_push") this.row = undefined;
      return Promise.resolve(name === "push_key" ? this.key : name === "chats" ? this.chats : undefined);
    };
    const browser = {
      readPreference: (name: string) => this.preferences.get(name),
      writePreference: (name: string, value: string) => void this.preferences.set(name, value),
      notificationPermission: () => this.permission,
      askNotifications: () => {
        this.permission = this.agrees ? "granted" : "denied";
        return Promise.resolve(this.agrees);
      },
      visible: () => true,
      onVisibility: () => () => undefined,
    };
    const on = (listener: (event: CoreEvent) => void): (() => void) => {
      this.tell = listener;
      return () => undefined;
    };
    useHost({ link: { call, on } as unknown as Link, browser: browser as unknown as Host["browser"] });
  }

  push(): InstanceType<typeof Push> {
    return new Push(this.tools, () => this.now);
  }
}

let around: Around;
beforeEach(() => {
  around = new Around();
});

test("the switch subscribes, tells the server, and leaves the words for the service worker", async () => {
  const push = around.push();
  expect(push.canOffer).toBe(true);
  await push.turn(true);
  expect(push.state).toBe("on");
  expect(around.row).toBe("https://push.example/1");
  expect(around.words).toMatchObject({ lang: "ar", dir: "rtl", title: "زاجل" });
  expect(push.canOffer).toBe(false);
  await push.turn(false);
  expect([push.state, around.held, around.row]).toEqual(["off", undefined, undefined]);
});

test("who refuses notifications is not subscribed, and nobody is told", async () => {
  around.agrees = false;
  const push = around.push();
  await push.turn(true);
  expect([push.state, around.made]).toEqual(["denied", 0]);
  expect(around.calls).not.toContain("set_push");
});

test("a start looks: nothing new costs no call, a new endpoint or a new day is told", async () => {
  await around.push().turn(true);
  around.calls = [];
  await around.push().settle();
  expect(around.calls).not.toContain("set_push");
  around.held = { ...(around.held as Subscription), endpoint: "https://push.example/changed" };
  await around.push().settle();
  expect(around.row).toBe("https://push.example/changed");
  around.calls = [];
  around.now += 86_400_000;
  await around.push().settle();
  expect(around.calls).toContain("set_push");
  around.held = undefined; // the browser gave it up while nobody was here
  await around.push().settle();
  expect(around.row).toBe("https://push.example/2");
});

test("a server with another key gets a subscription of its own", async () => {
  await around.push().turn(true);
  around.key = "another-key";
  await around.push().settle();
  expect(around.held?.key).toBe("another-key");
  expect(around.row).toBe("https://push.example/2");
});

test("while all chats are muted it is not subscribed", async () => {
  const push = around.push();
  await push.turn(true);
  around.chats = [
    { kind: "self", muted: false },
    { kind: "dm", muted: true },
    { kind: "group", muted: true },
  ];
  await push.settle();
  expect([push.state, push.wanted, around.held, around.row]).toEqual(["quiet", true, undefined, undefined]);
  around.chats = [
    { kind: "dm", muted: false },
    { kind: "group", muted: true },
  ];
  await push.settle();
  expect([push.state, around.row]).toEqual(["on", "https://push.example/2"]);
});

test("logging out ends it, also where the server cannot be reached", async () => {
  const push = around.push();
  await push.turn(true);
  around.down = true;
  await push.leave();
  expect([around.held, around.preferences.get("push")]).toEqual([undefined, "no"]);
});

test("a revoked device ends it without a word to the server", async () => {
  const push = around.push();
  await push.turn(true);
  push.start();
  around.calls = [];
  around.tell({ event: "status", status: { health: { revoked: true } } } as unknown as CoreEvent);
  await vi.waitFor(() => expect(around.held).toBeUndefined());
  expect(around.calls).not.toContain("drop_push");
});

test("a server that sends none, or cannot be reached, is said", async () => {
  around.key = "";
  const push = around.push();
  await push.turn(true);
  expect([push.state, around.made]).toEqual(["closed", 0]);
  around.down = true;
  await push.settle();
  expect([push.state, push.code]).toEqual(["failed", "unreachable"]);
});

test("a browser that cannot, or not yet, says so", async () => {
  for (const [support, state] of [
    ["no", "absent"],
    ["install", "install"],
  ] as const) {
    around.tools.support = () => support;
    const push = around.push();
    await push.settle();
    expect([push.state, push.canOffer]).toEqual([state, false]);
  }
});
