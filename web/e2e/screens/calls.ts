/** The screens of calls. Those that ring are there by themselves; the others begin with a press on Call. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import { seeing, type Screen } from "./steps.ts";

const chat = (title: string): string => idOf(`chat ${title}`, 43);
const ANNA = `#/c/${chat("Анна Соколова")}`;
const TRAVEL = `#/c/${chat("Клуб путешественников")}`;

const called = (name: string, then: string, more: Partial<Screen> & { readonly kind?: "video" } = {}): Screen => {
  const { kind, steps, ...rest } = more;
  const button = kind === "video" ? "call-start-video" : "call-start";
  return {
    name,
    scene: name,
    fragment: ANNA,
    ready: button,
    steps: async (page) => {
      await seeing(button, then)(page);
      await steps?.(page);
    },
    ...rest,
  };
};

export const CALLS: readonly Screen[] = [
  ...["call-incoming", "call-incoming-video", "call-incoming-group"].map((scene) => ({
    name: scene,
    scene,
    fragment: ANNA,
    ready: "call-incoming",
  })),
  {
    name: "call-silenced",
    scene: "call-incoming",
    fragment: ANNA,
    ready: "call-hush",
    steps: seeing("call-hush", "call-bar"),
  },
  { name: "call-silent", scene: "call-silent", fragment: ANNA, ready: "call-bar-answer" },
  { name: "call-offered", scene: "call-offered", fragment: "#/", ready: "call-bar-return" },
  { name: "call-offered-here", scene: "call-offered", fragment: ANNA.replace("/c/", "/call/"), ready: "call-return" },
  called("call-starting", "call-starting"),
  called("call-outgoing", "call"),
  called("call-outgoing-video", "call", { kind: "video" }),
  called("call-connecting", "call-told"),
  called("call-active", "call-time"),
  called("call-checking", "call"),
  called("call-video", "call-time", { kind: "video", steps: pictures }),
  called("call-poor", "call-told"),
  called("call-paused", "call-paused"),
  called("call-recovering", "call"),
  called("call-group", "call-grid", { fragment: TRAVEL, steps: pictures }),
  called("call-group-shut", "call-grid", { fragment: TRAVEL, steps: pictures }),
  called("call-group-three", "call-grid", { fragment: TRAVEL, steps: pictures }),
  called("call-group-two", "call-grid", { fragment: TRAVEL, steps: pictures }),
  called("call-why", "call-time", { scene: "call-video", steps: seeing("call-why", "call-why-sheet") }),
  called("call-why-poor", "call-told", { scene: "call-poor", steps: whyDown }),
  called("call-devices", "call-time", { scene: "call-video", steps: seeing("call-devices", "call-devices-sheet") }),
  called("call-bar", "call-time", { scene: "call-active", steps: seeing("call-back", "call-bar") }),
  called("call-mini", "call-time", { scene: "call-video", steps: mini }),
  ...["declined", "no-answer", "failed", "lost", "remote", "not-encrypted", "elsewhere", "denied"].map((end) =>
    called(`call-${end}`, "call-over"),
  ),
  ...["no-device", "unsupported"].map((code) => called(`call-${code}`, "call-over")),
  called("call-following", "call-over", { scene: "following" }),
];

/** Each picture that is shown has a frame. */
async function pictures(page: Page): Promise<void> {
  await page.waitForFunction(() => [...document.querySelectorAll("video")].every((video) => video.readyState >= 2));
}

async function whyDown(page: Page): Promise<void> {
  await seeing("call-why", "call-why-sheet")(page);
  await page.getByTestId("call-why-sheet").locator("summary").click();
  await page.getByTestId("call-why-sheet").locator("details dd").last().scrollIntoViewIfNeeded();
}

async function mini(page: Page): Promise<void> {
  await seeing("call-back", "call-mini")(page);
  await pictures(page);
}
