/** Every screen and state that is photographed: the scene, the fragment, and the presses that lead there. */
import type { Page } from "@playwright/test";
import { idOf, person } from "../seed/world.ts";
import { CALLS } from "./calls.ts";
import { DISAPPEARING } from "./disappearing.ts";
import { FILES } from "./files.ts";
import { JOINS } from "./joins.ts";
import { preparePush, PUSH } from "./push.ts";
import { CHANNELS } from "./public.ts";
import { HISTORY } from "./history.ts";
import { LOCK } from "./lock.ts";
import { RECOVERY } from "./recovery.ts";
import { REVIEW } from "./review.ts";
import { ROUTES } from "./routes.ts";
import { SEARCH } from "./search.ts";
import { paste, press, seeing, type Screen } from "./steps.ts";

const chat = (title: string): string => idOf(`chat ${title}`, 43);
const MARKET = chat("Saturday market");
const ANNA = person("Анна Соколова").account;
const MARTA = person("Marta Lindqvist").account;
/** The links of the own account into view: they stand below the first one. */
async function ownLinks(page: Page): Promise<void> {
  await page.getByTestId("own-links").evaluate((part) => part.scrollIntoView({ block: "start" }));
}

async function onceMade(page: Page): Promise<void> {
  await seeing("link-once", "own-link-qr")(page);
  await ownLinks(page);
}

const ASKING = "https://home.example/i#asking12345678";

async function found(page: Page): Promise<void> {
  await page.getByTestId("code-field").fill("@omar_42");
  await seeing("code-use", "found-person")(page);
}

async function nobody(page: Page): Promise<void> {
  await page.getByTestId("code-field").fill("@nobody.here");
  await page.getByTestId("code-use").click();
  await page.locator("[aria-invalid=true]").waitFor();
}

/** The row menu of somebody we talk to asks before it blocks. */
async function rowBlock(page: Page): Promise<void> {
  await page.getByTestId("chat-row").filter({ hasText: "Marta Lindqvist" }).click({ button: "right" });
  await seeing("row-block", "block-dialog")(page);
}

/** A link that admits nobody was pasted, and its owner asked. */
async function asked(page: Page): Promise<void> {
  await paste(page, ASKING);
  await page.getByTestId("hello-text").fill("Hello, we met at the market");
  await seeing("hello-send", "chat-pending")(page);
}

async function askedList(page: Page): Promise<void> {
  await asked(page);
  await page.evaluate(() => (location.hash = "#/new"));
  await page.getByTestId("asked-row").first().waitFor();
}

/** A message of the market: its number in the chat. */
const message = (n: number): string => idOf(`message ${MARKET} ${String(n)}`, 43);

const START: readonly Screen[] = [
  { name: "start", scene: "empty", ready: "start-create" },
  { name: "start-invite", scene: "empty", ready: "start-invite", steps: seeing("start-invite", "invite-input") },
  { name: "start-name", scene: "empty-open", ready: "start-create", steps: seeing("start-create", "name-input") },
  { name: "start-name-missing", scene: "empty-open", ready: "start-create", steps: nameMissing },
  {
    name: "start-name-refused",
    scene: "refused",
    fragment: "#/i/abcdefgh12345678",
    ready: "invite-card",
    steps: refused,
  },
  { name: "start-no-server", scene: "no-server", ready: "start-no-server" },
  { name: "start-expired", scene: "empty", fragment: "#/i/expired12345678", ready: "invite-card" },
  { name: "start-bad-invite", scene: "empty", fragment: "#/i/bad12345678", ready: "start-invite-error" },
  { name: "opened-invite-new", scene: "empty", fragment: "#/i/abcdefgh12345678", ready: "start-create" },
  { name: "opened-invite-known", scene: "busy", fragment: "#/i/contact12345678", ready: "invite-card" },
  { name: "opened-invite", scene: "busy", fragment: "#/i/abcdefgh12345678", ready: "invite-card" },
  { name: "opened-invite-own", scene: "busy", fragment: "#/i/self12345678", ready: "invite-card" },
  { name: "opened-invite-bad", scene: "busy", fragment: "#/i/bad12345678", ready: "invite-error" },
  { name: "link-page", scene: "busy", fragment: "#/l/abcdefgh12345678", ready: "link-page" },
  ...["waiting", "approved", "chats", "expired", "refused", "failed"].map((phase) => ({
    name: `link-this-${phase}`,
    scene: `linking-${phase}`,
    ready: "start-link",
    steps: seeing("start-link", "link-this"),
  })),
];

const LISTS: readonly Screen[] = [
  { name: "list-fresh", scene: "fresh", ready: "chat-row" },
  { name: "list-alone", scene: "alone", ready: "list-lonely" },
  { name: "list", scene: "busy", ready: "chat-row" },
  { name: "list-offline", scene: "offline", ready: "chat-row" },
  { name: "list-loading", scene: "loading", ready: "chat-list" },
  { name: "list-error", scene: "no-answers", ready: "list-error" },
  { name: "list-arranged", scene: "busy", ready: "chat-row", steps: arranged },
  { name: "list-row-menu", scene: "busy", ready: "chat-row", steps: rowMenu },
  { name: "list-row-block", scene: "busy", ready: "chat-row", steps: rowBlock },
  { name: "list-mute", scene: "busy", ready: "chat-row", steps: muteSheet },
  { name: "list-archive", scene: "busy", ready: "chat-row", steps: archive },
  { name: "list-requests", scene: "requests", ready: "requests-row" },
  { name: "requests", scene: "requests", fragment: "#/requests", ready: "request" },
  { name: "requests-none", scene: "busy", fragment: "#/requests", ready: "requests-none" },
  {
    name: "requests-block",
    scene: "requests",
    fragment: "#/requests",
    ready: "request",
    steps: seeing("request-block", "block-dialog"),
  },
  { name: "keys", scene: "busy", ready: "chat-row", steps: keys },
];

async function rowMenu(page: Page): Promise<void> {
  await page.getByTestId("chat-row").first().click({ button: "right" });
  await page.getByTestId("row-menu").waitFor();
}

async function muteSheet(page: Page): Promise<void> {
  await rowMenu(page);
  await seeing("row-mute", "mute-sheet")(page);
}

/** One chat pinned, one muted, two in the archive. */
async function arranged(page: Page): Promise<void> {
  for (const [at, entry] of [
    [3, "row-pin"],
    [2, "row-archive"],
    [3, "row-archive"],
  ] as const) {
    await page.getByTestId("chat-row").nth(at).click({ button: "right" });
    await press(entry)(page);
  }
  await page.getByTestId("archived").waitFor();
}

async function archive(page: Page): Promise<void> {
  await arranged(page);
  await seeing("archived", "chat-row")(page);
}

const CHATS: readonly Screen[] = [
  { name: "chat", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message" },
  { name: "chat-arabic", scene: "busy", fragment: `#/c/${chat("عمر نصّار")}`, ready: "message" },
  { name: "chat-russian", scene: "busy", fragment: `#/c/${chat("Анна Соколова")}`, ready: "message" },
  { name: "chat-family", scene: "busy", fragment: `#/c/${chat("عائلة حدّاد")}`, ready: "message" },
  {
    name: "chat-long",
    scene: "busy",
    fragment: `#/c/${chat("Bartholomew Featherstonehaugh-Cholmondeley III")}`,
    ready: "message",
  },
  { name: "chat-draft", scene: "busy", fragment: `#/c/${chat("Marta Lindqvist")}`, ready: "message" },
  { name: "chat-failed", scene: "busy", fragment: `#/c/${chat("Kofi Mensah")}`, ready: "message" },
  { name: "chat-self", scene: "busy", fragment: `#/c/${idOf("chat self", 43)}`, ready: "message" },
  { name: "chat-big", scene: "big", fragment: `#/c/${MARKET}`, ready: "message" },
  { name: "chat-echo", scene: "fresh", fragment: `#/c/${chat("Echo")}`, ready: "composer" },
  ...["offline", "trying", "removed", "left", "stuck", "rejoining", "creating"].map((scene) => ({
    name: `chat-${scene}`,
    scene,
    fragment: `#/c/${MARKET}`,
    ready: "message",
  })),
  { name: "chat-key-changed", scene: "key-changed", fragment: `#/c/${chat("Анна Соколова")}`, ready: "message" },
  { name: "chat-blocked", scene: "requests", fragment: `#/c/${chat("Marta Lindqvist")}`, ready: "chat-blocked" },
  { name: "chat-not-found", scene: "busy", fragment: `#/c/${chat("nobody")}`, ready: "chat-error" },
  { name: "chat-jump", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: scrollUp },
  {
    name: "chat-reply",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: entry("reply", "composer-bar"),
  },
  {
    name: "chat-edit",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: entry("edit", "composer-bar"),
  },
  { name: "chat-copied", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: entry("copy", "toasts") },
  { name: "chat-mention", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: mention },
  {
    name: "chat-details",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: entry("details", "details"),
  },
  {
    name: "chat-delete",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: entry("delete", "delete-dialog"),
  },
  { name: "chat-report", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: report },
  {
    name: "chat-report-refused",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: reported("other", "report-refused"),
  },
  {
    name: "chat-report-sent",
    scene: "busy",
    fragment: `#/c/${MARKET}`,
    ready: "message",
    steps: reported("fraud", "report-done"),
  },
  { name: "chat-reactions", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: palette },
  { name: "chat-menu", scene: "busy", fragment: `#/c/${MARKET}`, ready: "message", steps: menu },
  {
    name: "chat-typing",
    scene: "busy",
    fragment: `#/c/${chat("Анна Соколова")}`,
    ready: "message",
    steps: async (page) => {
      await page.evaluate((id) => globalThis.zajilSeed?.typing(id), chat("Анна Соколова"));
    },
  },
];

const PEOPLE: readonly Screen[] = [
  { name: "new-chat", scene: "busy", fragment: "#/new", ready: "contact-row" },
  { name: "new-chat-loading", scene: "loading", fragment: "#/new", ready: "loading", plain: true },
  { name: "new-chat-nobody", scene: "alone", fragment: "#/new", ready: "contacts-none" },
  { name: "new-chat-no-match", scene: "busy", fragment: "#/new", ready: "contact-row", steps: noMatch },
  { name: "invite", scene: "busy", fragment: "#/invite", ready: "invite-qr" },
  { name: "invite-links", scene: "busy", fragment: "#/invite", ready: "own-link", steps: ownLinks },
  { name: "invite-once", scene: "busy", fragment: "#/invite", ready: "own-link", steps: onceMade },
  {
    name: "invite-ask",
    scene: "busy",
    fragment: "#/invite",
    ready: "own-link",
    steps: async (page) => {
      await seeing("link-ask", "ask-link-qr")(page);
      await ownLinks(page);
    },
  },
  { name: "scan-username", scene: "busy", fragment: "#/scan", ready: "scan", steps: found },
  { name: "scan-username-nobody", scene: "busy", fragment: "#/scan", ready: "scan", steps: nobody },
  { name: "scan-asking", scene: "busy", fragment: "#/scan", ready: "scan", steps: (page) => paste(page, ASKING) },
  { name: "chat-pending", scene: "busy", fragment: "#/scan", ready: "scan", steps: asked },
  { name: "new-chat-asked", scene: "busy", fragment: "#/scan", ready: "scan", steps: askedList },
  { name: "opened-invite-asking", scene: "busy", fragment: "#/i/asking12345678", ready: "hello" },
  {
    name: "invite-end",
    scene: "busy",
    fragment: "#/invite",
    ready: "own-link",
    steps: seeing("own-link-end", "own-link-dialog"),
  },
  { name: "invite-offline", scene: "offline", fragment: "#/invite", ready: "invite-failed" },
  { name: "scan", scene: "busy", fragment: "#/scan", ready: "scan" },
  { name: "scan-no-camera", scene: "busy", fragment: "#/scan", ready: "scan", steps: noCamera },
  { name: "scan-camera", scene: "busy", fragment: "#/scan", ready: "scan", steps: camera },
  { name: "scan-bad", scene: "busy", fragment: "#/scan", ready: "scan", steps: (page) => paste(page, "bad") },
  {
    name: "scan-found",
    scene: "busy",
    fragment: "#/scan",
    ready: "scan",
    steps: (page) => paste(page, "https://home.example/i#abcdefgh12345678"),
  },
  {
    name: "scan-known",
    scene: "busy",
    fragment: "#/scan",
    ready: "scan",
    steps: (page) => paste(page, "https://home.example/i#contact12345678"),
  },
  {
    name: "scan-expired",
    scene: "busy",
    fragment: "#/scan",
    ready: "scan",
    steps: (page) => paste(page, "https://home.example/i#expired12345678"),
  },
  {
    name: "scan-device-code",
    scene: "busy",
    fragment: "#/scan",
    ready: "scan",
    steps: (page) => paste(page, "https://home.example/l#abcdefgh12345678"),
  },
  { name: "contact", scene: "busy", fragment: `#/people/${MARTA}`, ready: "safety-number" },
  { name: "contact-verified", scene: "busy", fragment: `#/people/${ANNA}`, ready: "safety-number" },
  {
    name: "contact-qr",
    scene: "busy",
    fragment: `#/people/${MARTA}`,
    ready: "safety-show",
    steps: seeing("safety-show", "safety-qr"),
  },
  {
    name: "contact-compare",
    scene: "busy",
    fragment: `#/people/${MARTA}`,
    ready: "safety-scan",
    steps: seeing("safety-scan", "safety-dialog"),
  },
  { name: "contact-same", scene: "busy", fragment: `#/people/${MARTA}`, ready: "safety-scan", steps: same },
  { name: "contact-failed", scene: "no-answers", fragment: `#/people/${MARTA}`, ready: "load-failed" },
  { name: "contact-blocked", scene: "requests", fragment: `#/people/${MARTA}`, ready: "blocked" },
  {
    name: "contact-block",
    scene: "busy",
    fragment: `#/people/${MARTA}`,
    ready: "block",
    steps: seeing("block", "block-dialog"),
  },
  { name: "contact-different", scene: "busy", fragment: `#/people/${MARTA}`, ready: "safety-scan", steps: different },
  { name: "contact-key-changed", scene: "key-changed", fragment: `#/people/${ANNA}`, ready: "contact-key-changed" },
  { name: "new-group", scene: "busy", fragment: "#/new/group", ready: "choose-row", steps: choose },
  { name: "new-group-nobody", scene: "alone", fragment: "#/new/group", ready: "new-group" },
  { name: "chat-info", scene: "busy", fragment: `#/c/${MARKET}/info`, ready: "members" },
  {
    name: "chat-info-member",
    scene: "busy",
    fragment: `#/c/${MARKET}/info`,
    ready: "members",
    steps: seeing("member-menu", "member-actions"),
  },
  { name: "chat-info-remove", scene: "busy", fragment: `#/c/${MARKET}/info`, ready: "members", steps: remove },
  {
    name: "chat-info-add",
    scene: "busy",
    fragment: `#/c/${MARKET}/info`,
    ready: "members",
    steps: seeing("group-add", "add-dialog"),
  },
  {
    name: "chat-info-leave",
    scene: "busy",
    fragment: `#/c/${MARKET}/info`,
    ready: "members",
    steps: seeing("group-leave", "leave-dialog"),
  },
  {
    name: "chat-info-rename",
    scene: "busy",
    fragment: `#/c/${MARKET}/info`,
    ready: "members",
    steps: seeing("group-rename", "rename-dialog"),
  },
  {
    name: "chat-info-owner",
    scene: "busy",
    fragment: `#/c/${chat("مكتبة Наша библиотека Library")}/info`,
    ready: "members",
    steps: seeing("member-menu", "member-actions"),
  },
  {
    name: "chat-info-grow",
    scene: "busy",
    fragment: `#/c/${MARKET}/info`,
    ready: "group-grow",
    steps: seeing("group-grow", "grow-dialog"),
  },
  { name: "chat-info-full", scene: "full-group", fragment: `#/c/${MARKET}/info`, ready: "members", steps: addTooMany },
  { name: "chat-info-growing", scene: "growing-group", fragment: `#/c/${MARKET}/info`, ready: "group-growing" },
  { name: "chat-info-grow-failed", scene: "grow-failed", fragment: `#/c/${MARKET}/info`, ready: "group-grow-failed" },
  { name: "chat-grown", scene: "grown-group", fragment: `#/c/${MARKET}`, ready: "notice" },
  { name: "chat-info-large", scene: "large-group", fragment: `#/c/${MARKET}/info`, ready: "quantum" },
  { name: "chat-info-self", scene: "busy", fragment: `#/c/${idOf("chat self", 43)}/info`, ready: "lock" },
  { name: "chat-info-stuck", scene: "stuck", fragment: `#/c/${MARKET}/info`, ready: "info-status" },
  { name: "chat-info-dm", scene: "busy", fragment: `#/c/${chat("Анна Соколова")}/info`, ready: "info-person" },
  { name: "server-view", scene: "busy", fragment: `#/inside/${MARKET}/${message(321)}`, ready: "view-columns" },
  { name: "server-view-deleted", scene: "busy", fragment: `#/inside/${MARKET}/${message(304)}`, ready: "view-head" },
  { name: "server-view-not-sent", scene: "offline", fragment: `#/inside/${MARKET}/${message(323)}`, ready: "view-now" },
];

const SETTINGS: readonly Screen[] = [
  { name: "settings", scene: "busy", fragment: "#/settings", ready: "settings" },
  ...["profile", "appearance", "privacy", "notifications", "devices", "storage", "about"].map((page) => ({
    name: `settings-${page}`,
    scene: "busy",
    fragment: `#/settings/${page}`,
    ready: page,
  })),
  { name: "settings-privacy-blocked", scene: "requests", fragment: "#/settings/privacy", ready: "blocked-person" },
  { name: "settings-data", scene: "busy", fragment: "#/settings/data", ready: "data-save-browser" },
  { name: "settings-data-offline", scene: "offline", fragment: "#/settings/data", ready: "data-save-browser" },
  { name: "settings-storage-memory", scene: "memory-only", fragment: "#/settings/storage", ready: "storage-memory" },
  { name: "settings-link", scene: "busy", fragment: "#/settings/link", ready: "link-other" },
  { name: "settings-link-ask", scene: "busy", fragment: "#/settings/link", ready: "link-other", steps: linkAsk },
  { name: "settings-link-done", scene: "busy", fragment: "#/settings/link", ready: "link-other", steps: linkDone },
  {
    name: "settings-link-expired",
    scene: "busy",
    fragment: "#/settings/link",
    ready: "link-other",
    steps: linkExpired,
  },
  {
    name: "settings-notifications-denied",
    scene: "busy",
    fragment: "#/settings/notifications",
    ready: "notify",
    steps: seeing("notify", "notify-denied"),
  },
  {
    name: "settings-log-out",
    scene: "fresh",
    fragment: "#/settings",
    ready: "settings",
    steps: seeing("log-out", "log-out-dialog"),
  },
];

const STATES: readonly Screen[] = [
  { name: "state-not-persisted", scene: "not-persisted", ready: "chat-row", steps: askedBefore },
  { name: "state-revoked-erase", scene: "revoked", ready: "erase", steps: seeing("erase", "erase-dialog") },
  {
    name: "state-rolled-back-what",
    scene: "rolled-back",
    ready: "recover-what",
    steps: seeing("recover-what", "recover-dialog"),
  },
  { name: "stopped-broken", scene: "broken", ready: "stopped" },
  { name: "stopped-insecure", scene: "busy", ready: "stopped" },
  ...["following", "storage-full", "memory-only", "revoked", "rolled-back"].map((scene) => ({
    name: `state-${scene}`,
    scene,
    ready: `banner-${scene}`,
  })),
  ...[
    "update-required",
    "stopped",
    "stopped-erased",
    "stopped-newer-schema",
    "stopped-damaged",
    "stopped-no-browser-support",
  ].map((scene) => ({
    name: scene === "update-required" ? "stopped-update-required" : scene,
    scene,
    ready: "stopped",
  })),
];

export const LIST: readonly Screen[] = [
  ...[...START, ...LISTS, ...CHATS, ...SEARCH, ...FILES, ...CALLS, ...ROUTES, ...PEOPLE],
  ...[...JOINS, ...DISAPPEARING, ...PUSH],
  ...[...CHANNELS, ...SETTINGS, ...HISTORY, ...RECOVERY, ...LOCK, ...STATES, ...REVIEW],
];

async function menu(page: Page): Promise<void> {
  await page.getByTestId("message").last().press("Enter");
  await page.getByTestId("message-menu").waitFor();
}

function entry(name: string, then: string): (page: Page) => Promise<void> {
  return async (page) => {
    await menu(page);
    await page.getByTestId(`menu-${name}`).click();
    await page.getByTestId(then).waitFor();
  };
}

async function report(page: Page): Promise<void> {
  await page.locator('[data-testid="message"][data-own="false"]').last().press("Enter");
  await page.getByTestId("menu-report").click();
  await page.getByTestId("report-reason").waitFor();
}

function reported(reason: string, then: string): (page: Page) => Promise<void> {
  return async (page) => {
    await report(page);
    await page.getByTestId(`report-reason-${reason}`).check({ force: true });
    await page.getByTestId("report-send").click();
    await page.getByTestId(then).waitFor();
  };
}

async function palette(page: Page): Promise<void> {
  await menu(page);
  await page.getByTestId("more-reactions").click();
  await page.getByTestId("palette-emoji").first().waitFor();
}

async function mention(page: Page): Promise<void> {
  await page.getByTestId("composer").pressSequentially("Ask @");
  await page.getByTestId("mention").first().waitFor();
}

async function scrollUp(page: Page): Promise<void> {
  await page.getByTestId("feed").evaluate((feed) => {
    feed.scrollTop -= 1600;
  });
  await page.getByTestId("jump").waitFor();
}

async function keys(page: Page): Promise<void> {
  await page.keyboard.press("?");
  await page.getByTestId("keys").waitFor();
}

async function nameMissing(page: Page): Promise<void> {
  await page.getByTestId("start-create").click();
  await page.getByTestId("name-done").click();
  await page.getByRole("alert").waitFor();
}

async function refused(page: Page): Promise<void> {
  await page.getByTestId("start-create").click();
  await page.getByTestId("name-input").fill("ليلى");
  await page.getByTestId("name-done").click();
  await page.getByTestId("name-other-invite").waitFor();
}

async function noMatch(page: Page): Promise<void> {
  await page.getByTestId("contacts-find").fill("Zoë");
  await page.getByTestId("contacts").getByRole("status").waitFor();
}

/** The browser was asked to keep what we hold, on an earlier visit, and has not agreed. */
async function askedBefore(page: Page): Promise<void> {
  await page.evaluate(() => localStorage.setItem("zajil.persist-asked", "yes"));
  await page.reload();
  await page.getByTestId("banner-not-persisted").waitFor();
  await page.evaluate(() => localStorage.removeItem("zajil.persist-asked"));
}

/** In the document before the app starts, chosen by the screen's name: a camera that sees a grey wall, plain HTTP. */
export async function prepareMessenger(page: Page): Promise<void> {
  await preparePush(page);
  await page.addInitScript(() => {
    const screen = new URLSearchParams(location.search).get("screen");
    if (screen === "stopped-insecure") Object.defineProperty(globalThis, "isSecureContext", { value: false });
    if (screen !== "scan-camera") return;
    navigator.mediaDevices.getUserMedia = () => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 480;
      const context = canvas.getContext("2d");
      let shade = 0;
      setInterval(() => {
        if (context === null) return;
        shade = 1 - shade;
        context.fillStyle = shade === 0 ? "#3c4148" : "#3d4249";
        context.fillRect(0, 0, 480, 480);
      }, 50);
      return Promise.resolve(canvas.captureStream(20));
    };
  });
}

/** On touch the camera starts by itself. */
async function useCamera(page: Page): Promise<void> {
  const coarse = await page.evaluate(() => matchMedia("(pointer: coarse)").matches);
  if (!coarse) await page.getByTestId("scan-camera").click();
}

async function camera(page: Page): Promise<void> {
  await useCamera(page);
  await page.locator("video").evaluate(
    (video: HTMLVideoElement) =>
      new Promise((done) => {
        if (video.readyState >= video.HAVE_CURRENT_DATA) done(undefined);
        else video.addEventListener("playing", done, { once: true });
      }),
  );
}

async function noCamera(page: Page): Promise<void> {
  await useCamera(page);
  await page.getByRole("status").first().waitFor();
}

async function compare(page: Page, code: string): Promise<void> {
  await page.getByTestId("safety-scan").click();
  await page.getByTestId("code-field").fill(code);
  await page.getByTestId("code-use").click();
  await page.getByTestId("safety-result").waitFor();
}

function different(page: Page): Promise<void> {
  return compare(page, "x".repeat(140));
}

function same(page: Page): Promise<void> {
  return compare(page, idOf("safety " + MARTA, 140));
}

async function choose(page: Page): Promise<void> {
  await page.getByTestId("group-title").fill("Книжный клуб");
  await page.getByTestId("choose-row").nth(0).click();
  await page.getByTestId("choose-row").nth(2).click();
}

async function remove(page: Page): Promise<void> {
  await page.getByTestId("member-menu").nth(2).click();
  await page.getByTestId("member-remove").click();
  await page.getByTestId("remove-dialog").waitFor();
}

async function addTooMany(page: Page): Promise<void> {
  await page.getByTestId("group-add").click();
  await page.getByTestId("add-dialog").getByTestId("choose-row").first().click();
  await page.getByTestId("add-yes").click();
  await page.getByTestId("add-grow").waitFor();
}

async function linkAsk(page: Page): Promise<void> {
  await page.getByTestId("code-field").fill(`https://home.example/l#${"a".repeat(118)}`);
  await page.getByTestId("code-use").click();
  await page.getByTestId("link-yes").waitFor();
}

async function linkDone(page: Page): Promise<void> {
  await linkAsk(page);
  await page.getByTestId("link-yes").click();
  await page.getByTestId("link-linked").waitFor();
  await page.getByTestId("history").waitFor();
}

async function linkExpired(page: Page): Promise<void> {
  await page.getByTestId("code-field").fill("https://home.example/l#expired12345678901234");
  await page.getByTestId("code-use").click();
  await page.getByTestId("link-trouble").waitFor();
}
