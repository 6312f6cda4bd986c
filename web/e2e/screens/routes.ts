/** The screens of routes and bridges. */
import type { Page } from "@playwright/test";
import { paste, press, seeing, type Screen } from "./steps.ts";

/** Each state of the route: the list with its pill, the sheet, the page of the settings. */
export const ROUTES: readonly Screen[] = [
  ...["busy", "via", "slow", "trying", "waiting", "blocked", "blocked-bridges", "server_down", "offline"].flatMap(
    (scene): readonly Screen[] => [
      { name: `route-sheet-${scene}`, scene, ready: "route-pill", steps: seeing("route-pill", "route-sheet") },
      { name: `settings-connection-${scene}`, scene, fragment: "#/settings/connection", ready: "connection" },
    ],
  ),
  ...["via", "slow", "trying", "waiting", "blocked", "server_down"].map((scene) => ({
    name: `list-${scene}`,
    scene,
    ready: "chat-row",
  })),
  { name: "route-diagnosis", scene: "via", fragment: "#/settings/connection", ready: "diagnosis", steps: diagnosis },
  {
    name: "bridges-remove",
    scene: "via",
    fragment: "#/settings/connection",
    ready: "bridges-remove",
    steps: seeing("bridges-remove", "bridges-remove-dialog"),
  },
  { name: "bridges-removed", scene: "via", ready: "route-pill", steps: removeBridges },
  { name: "bridges-add", scene: "blocked", fragment: "#/b", ready: "bridges" },
  { name: "bridges-add-bad", scene: "blocked", fragment: "#/b", ready: "bridges", steps: (page) => paste(page, "bad") },
  {
    name: "bridges-add-found",
    scene: "blocked",
    fragment: "#/b",
    ready: "bridges",
    steps: (page) => paste(page, "zajil:abcdefgh12345678"),
  },
  { name: "bridges-opened", scene: "busy", fragment: "#/b/abcdefgh12345678", ready: "bridges-found" },
  { name: "bridges-opened-one", scene: "busy", fragment: "#/b/single12345678", ready: "bridges-found" },
  { name: "bridges-opened-known", scene: "via", fragment: "#/b/known12345678", ready: "bridges-found" },
  { name: "bridges-opened-foreign", scene: "busy", fragment: "#/b/foreign12345678", ready: "bridges-found" },
  { name: "bridges-opened-bad", scene: "busy", fragment: "#/b/bad12345678", ready: "bridges", steps: alerted },
  {
    name: "bridges-refused",
    scene: "not-this-server",
    fragment: "#/b/abcdefgh12345678",
    ready: "bridges-accept",
    steps: seeing("bridges-accept", "bridges-error"),
  },
  {
    name: "bridges-added",
    scene: "blocked",
    fragment: "#/b/abcdefgh12345678",
    ready: "bridges-accept",
    steps: seeing("bridges-accept", "connection"),
  },
  {
    name: "scan-bridges",
    scene: "busy",
    fragment: "#/scan",
    ready: "scan",
    steps: (page) => paste(page, "https://home.example/b#abcdefgh12345678"),
  },
  { name: "share-bridges", scene: "busy", fragment: "#/share-bridges", ready: "bridges-make" },
  {
    name: "share-bridges-made",
    scene: "busy",
    fragment: "#/share-bridges",
    ready: "bridges-make",
    steps: seeing("bridges-make", "bridges-qr"),
  },
  { name: "share-bridges-last", scene: "busy", fragment: "#/share-bridges", ready: "bridges-make", steps: shareTwice },
  ...["offline", "too-young", "gone"].map((scene) => ({
    name: `share-bridges-${scene}`,
    scene,
    fragment: "#/share-bridges",
    ready: "bridges-make",
    steps: seeing("bridges-make", "bridges-trouble"),
  })),
  { name: "start-bridges", scene: "empty", fragment: "#/b/abcdefgh12345678", ready: "start-bridges" },
  { name: "start-invite-bridges", scene: "empty", fragment: "#/i/bridges12345678", ready: "invite-bridges" },
  { name: "bridges-opened-more", scene: "blocked-bridges", fragment: "#/b/abcdefgh12345678", ready: "bridges-found" },
  { name: "bridges-opening", scene: "loading", fragment: "#/b/abcdefgh12345678", ready: "bridges", plain: true },
];

async function alerted(page: Page): Promise<void> {
  await page.getByRole("alert").waitFor();
}

async function diagnosis(page: Page): Promise<void> {
  await page.getByTestId("diagnosis-show").click();
  await page.getByTestId("diagnosis-copy").scrollIntoViewIfNeeded();
}

async function removeBridges(page: Page): Promise<void> {
  await page.getByTestId("route-pill").click();
  await page.getByTestId("bridges-remove").click();
  await page.getByTestId("bridges-remove-dialog-yes").click();
  await page.getByTestId("bridges-removed").waitFor();
}

async function shareTwice(page: Page): Promise<void> {
  await seeing("bridges-make", "bridges-qr")(page);
  await press("bridges-again")(page);
  await page.getByTestId("bridges-again").waitFor({ state: "detached" });
}
