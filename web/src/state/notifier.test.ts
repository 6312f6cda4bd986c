/** Notifications of this page: what was read or taken back is shown no more. */
import { beforeEach, expect, test, vi } from "vitest";
import type { CoreEvent } from "../core/api.ts";
import type { Link } from "../core/link.ts";
import { type Host, useHost } from "./host.ts";

vi.stubGlobal("$state", (value: unknown) => value);
vi.mock("./settings.svelte.ts", () => ({ settings: { start: () => undefined, now: { notifications: true } } }));
vi.mock("./toasts.svelte.ts", () => ({ toasts: {} }));
vi.mock("../i18n/files.ts", () => ({ sayBody: ({ text }: { text: string }) => text }));
const { startNotifying } = await import("./notifier.svelte.ts");

const shown = new Map<string, string>();
const lines = new Map<string, { deleted: boolean }>();
let unread = 0;
let hear: (event: CoreEvent) => void;

beforeEach(() => {
  shown.clear();
  const call = (name: string, { id = "" } = {}): Promise<unknown> => {
    if (name === "chat") return Promise.resolve({ unread });
    const message = lines.get(id);
    return message
      ? Promise.resolve({ message })
      : Promise.reject(Object.assign(new Error(id), { code: "unknown-chat" }));
  };
  const browser = {
    readPreference: () => "no",
    visible: () => false,
    notify: ({ tag, body }: { tag: string; body: string }) => shown.set(tag, body),
    withdraw: (tag: string) => shown.delete(tag),
  };
  const on = (listener: (event: CoreEvent) => void): (() => void) => {
    hear = listener;
    return () => undefined;
  };
  useHost({ link: { call, on } as unknown as Link, browser: browser as unknown as Host["browser"] });
  startNotifying(() => undefined);
});

function come(id: string, text: string): void {
  lines.set(id, { deleted: false });
  unread += 1;
  const sender = { account: "o", name: "Omar" };
  hear({ event: "incoming", chat: "c", id, title: "", sender, text, files: [], muted: false, mentioned: false });
}
const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5));

test("a text that its sender deleted does not live on in the notification, though others are unread", async () => {
  come("1", "hello");
  come("2", "a secret by mistake");
  expect(shown.get("chat-c")).toBe("a secret by mistake");
  hear({ event: "chat", chat: "c" });
  await settled();
  expect(shown.get("chat-c")).toBe("a secret by mistake");
  lines.set("2", { deleted: true });
  unread = 1;
  hear({ event: "chat", chat: "c" });
  await settled();
  expect([...shown]).toEqual([]);
});

test("one that is here no more goes too; what was read goes", async () => {
  come("3", "gone soon");
  lines.delete("3");
  hear({ event: "chat", chat: "c" });
  await settled();
  expect([...shown]).toEqual([]);
  come("4", "read elsewhere");
  unread = 0;
  hear({ event: "chat", chat: "c" });
  await settled();
  expect([...shown]).toEqual([]);
});
