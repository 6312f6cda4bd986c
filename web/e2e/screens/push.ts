/** Being woken while Zajil is closed: the offer in a chat, and the switch in each state a browser can be in. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import type { Screen } from "./steps.ts";

const CHAT = `#/c/${idOf("chat Marta Lindqvist", 43)}`;
const shown = (page: Page): Promise<void> => page.getByTestId("push").evaluate((card) => card.scrollIntoView());

const state = (name: string, ready = "push-note", scene = "busy"): Screen => ({
  ...{ name: `push-${name}`, scene, ready },
  ...{ fragment: "#/settings/notifications", steps: shown },
});

async function on(page: Page): Promise<void> {
  await page.locator('[data-testid="push-switch"]:checked').waitFor();
  await shown(page);
}

export const PUSH: readonly Screen[] = [
  { name: "push-offer", scene: "busy", fragment: CHAT, ready: "push-offer" },
  state("off", "push"),
  { ...state("on", "push"), steps: on },
  state("absent"),
  state("install"),
  state("denied", "notify-denied"),
  state("quiet", "push-note", "push-quiet"),
  state("closed", "push-note", "push-closed"),
  state("no-service"),
];

/**
 * In the document before the app starts, chosen by the screen's name: a browser that has, lacks or forbids push. The
 * seed has no service worker, so what one would answer stands here.
 */
export async function preparePush(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const screen = new URLSearchParams(location.search).get("screen") ?? "";
    for (const kept of ["push", "push-told"]) localStorage.removeItem(`zajil.${kept}`);
    if (!screen.startsWith("push-")) return;
    const is = (name: string): boolean => screen === `push-${name}`;
    const define = (on: object, name: string, value: unknown): void => {
      Object.defineProperty(on, name, { value, configurable: true });
    };
    if (is("absent") || is("install")) Reflect.deleteProperty(globalThis, "PushManager");
    if (is("install")) define(navigator, "standalone", false);
    define(Notification, "permission", is("denied") ? "denied" : is("offer") ? "default" : "granted");
    if (!is("offer") && !is("off")) localStorage.setItem("zajil.push", "yes");
    const held = {
      endpoint: "https://push.example/1",
      options: { applicationServerKey: Uint8Array.from(atob("a2V5"), (letter) => letter.charCodeAt(0)).buffer },
      getKey: () => new ArrayBuffer(16),
      unsubscribe: () => Promise.resolve(true),
    };
    const pushManager = {
      getSubscription: () => Promise.resolve(is("on") ? held : null),
      subscribe: () => Promise.reject(new DOMException("no push service", "AbortError")),
    };
    const registration = Object.assign(new EventTarget(), { pushManager, getNotifications: () => Promise.resolve([]) });
    define(navigator.serviceWorker, "ready", Promise.resolve(registration));
    define(navigator.serviceWorker, "controller", new EventTarget());
  });
}
