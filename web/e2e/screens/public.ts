/** The screens of channels and public names. */
import type { Page } from "@playwright/test";
import { PUBLIC } from "../seed/public.ts";
import { seeing, type Screen } from "./steps.ts";

const place = (handle: string): string => `#/ch/${encodeURIComponent(handle)}`;
const MARKET = place(PUBLIC.market);
const entry =
  (id: string, then: string, which = 0) =>
  async (page: Page): Promise<void> => {
    await page.getByTestId("post-more").nth(which).click();
    await page.getByTestId(id).click();
    await page.getByTestId(then).waitFor();
  };
const find =
  (query: string, then: string) =>
  async (page: Page): Promise<void> => {
    await page.getByTestId("search-input").fill(query);
    await page.getByTestId("search-go").click();
    await page.getByTestId(then).first().waitFor();
  };

/** Photographed as all others. */
export const CHANNELS: readonly Screen[] = [
  { name: "channels", scene: "busy", fragment: "#/ch", ready: "channel-row" },
  { name: "channels-none", scene: "fresh", fragment: "#/ch", ready: "channels-none" },
  { name: "channels-nobody", scene: "no-personas", fragment: "#/ch", ready: "need-persona" },
  { name: "channels-off", scene: "no-public", fragment: "#/ch", ready: "channels-off" },
  { name: "channels-offline", scene: "offline", fragment: "#/ch", ready: "channels-error" },
  { name: "channels-found", scene: "busy", fragment: "#/ch", ready: "search-input", steps: find(PUBLIC.long, "hit") },
  {
    name: "channels-not-found",
    scene: "busy",
    fragment: "#/ch",
    ready: "search-input",
    steps: find("nothing of that kind", "search-none"),
  },
  { name: "channel", scene: "busy", fragment: MARKET, ready: "post" },
  { name: "channel-arabic", scene: "busy", fragment: place(PUBLIC.city), ready: "post" },
  { name: "channel-own", scene: "busy", fragment: place(PUBLIC.notes), ready: "write-text" },
  { name: "channel-empty", scene: "busy", fragment: place(PUBLIC.long), ready: "channel-empty" },
  { name: "channel-nobody", scene: "no-personas", fragment: MARKET, ready: "need-persona" },
  { name: "channel-blocked", scene: "busy", fragment: place("old_deals"), ready: "channel-blocked" },
  { name: "channel-restricted", scene: "busy", fragment: place("quiet_room"), ready: "channel-restricted" },
  { name: "channel-gone", scene: "busy", fragment: place("nobody_here"), ready: "channel-error" },
  { name: "channel-menu", scene: "busy", fragment: MARKET, ready: "post", steps: seeing("post-more", "post-menu") },
  { name: "channel-sensitive", scene: "busy", fragment: MARKET, ready: "post", steps: showSensitive },
  { name: "channel-versions", scene: "busy", fragment: MARKET, ready: "post", steps: seeing("post-edited", "version") },
  { name: "channel-edit", scene: "busy", fragment: MARKET, ready: "post", steps: entry("menu-edit", "edit-text", 1) },
  {
    name: "channel-delete",
    scene: "busy",
    fragment: MARKET,
    ready: "post",
    steps: entry("menu-delete", "post-delete", 1),
  },
  { name: "channel-info", scene: "busy", fragment: `${MARKET}/info`, ready: "channel-link" },
  { name: "channel-info-own", scene: "busy", fragment: `${place(PUBLIC.notes)}/info`, ready: "channel-edit" },
  {
    name: "channel-info-edit",
    scene: "busy",
    fragment: `${place(PUBLIC.notes)}/info`,
    ready: "channel-edit",
    steps: seeing("channel-edit", "channel-edit-dialog"),
  },
  {
    name: "channel-info-delete",
    scene: "busy",
    fragment: `${place(PUBLIC.notes)}/info`,
    ready: "channel-delete",
    steps: seeing("channel-delete", "channel-delete-dialog"),
  },
  { name: "post", scene: "busy", fragment: `${MARKET}/p/${PUBLIC.figs}`, ready: "comment" },
  { name: "post-stub", scene: "busy", fragment: `${MARKET}/p/${PUBLIC.stub}`, ready: "comment" },
  { name: "post-limited", scene: "busy", fragment: `${MARKET}/p/${PUBLIC.limited}`, ready: "post-limited" },
  { name: "post-gone", scene: "busy", fragment: `${MARKET}/p/nothing1234567890`, ready: "post-error" },
  { name: "new-channel", scene: "busy", fragment: "#/new/channel", ready: "channel-handle" },
  {
    name: "new-channel-refused",
    scene: "busy",
    fragment: "#/new/channel",
    ready: "channel-handle",
    steps: refusedChannel,
  },
  { name: "report", scene: "busy", fragment: MARKET, ready: "post", steps: entry("menu-report", "report") },
  {
    name: "report-channel",
    scene: "no-moderation",
    fragment: `${MARKET}/info`,
    ready: "channel-report",
    steps: refusedReport,
  },
  { name: "decisions", scene: "busy", fragment: "#/decisions", ready: "own-report" },
  { name: "decisions-off", scene: "no-moderation", fragment: "#/decisions", ready: "redress-off" },
  { name: "decisions-nobody", scene: "no-personas", fragment: "#/decisions", ready: "need-persona" },
  {
    name: "decision-appeal",
    scene: "busy",
    fragment: `#/decisions/${PUBLIC.decision(1)}`,
    ready: "appeal",
    steps: seeing("appeal", "appeal-text"),
  },
  { name: "decision", scene: "busy", fragment: `#/decisions/${PUBLIC.decision(1)}`, ready: "appeal" },
  { name: "decision-waits", scene: "busy", fragment: `#/decisions/${PUBLIC.decision(2)}`, ready: "appeal-state" },
  { name: "decision-reversed", scene: "busy", fragment: `#/decisions/${PUBLIC.decision(4)}`, ready: "appeal-state" },
  { name: "decision-channel", scene: "busy", fragment: `#/decisions/${PUBLIC.decision(7)}`, ready: "notice-reason" },
  { name: "decision-care", scene: "busy", fragment: `#/decisions/${PUBLIC.decision(9)}`, ready: "notice-care" },
  { name: "decision-gone", scene: "busy", fragment: "#/decisions/about/nothing123", ready: "notice-error" },
  { name: "personas", scene: "busy", fragment: "#/personas", ready: "persona-trust" },
  { name: "personas-none", scene: "no-personas", fragment: "#/personas", ready: "persona-create" },
  { name: "personas-refused", scene: "no-personas", fragment: "#/personas", ready: "persona-name", steps: refusedName },
  {
    name: "personas-rename",
    scene: "busy",
    fragment: "#/personas",
    ready: "persona-trust",
    steps: seeing("persona-rename", "rename-dialog"),
  },
  {
    name: "personas-delete",
    scene: "busy",
    fragment: "#/personas",
    ready: "persona-trust",
    steps: seeing("persona-delete", "delete-dialog"),
  },
];

async function showSensitive(page: Page): Promise<void> {
  await page.getByTestId("post-show").first().click();
  await page.getByTestId("post-show").first().scrollIntoViewIfNeeded();
}

async function refusedReport(page: Page): Promise<void> {
  await page.getByTestId("channel-report").click();
  await page.getByTestId("report-spam").check();
  await page.getByTestId("report-send").click();
  await page.getByRole("alert").waitFor();
}

async function refusedChannel(page: Page): Promise<void> {
  await page.getByTestId("channel-title").fill("Saturday market");
  await page.getByTestId("channel-handle").fill("saturday_rnarket");
  await page.getByTestId("channel-create").click();
  await page.getByRole("alert").waitFor();
}

async function refusedName(page: Page): Promise<void> {
  await page.getByTestId("persona-name").fill("Layla");
  await page.getByTestId("persona-handle").fill("layla");
  await page.getByTestId("persona-create").click();
  await page.getByRole("alert").waitFor();
}
