/** The screens of the recovery key, of coming back, of the export and of the end. */
import type { Page } from "@playwright/test";
import { KEY } from "../seed/recovery.ts";
import { seeing, type Screen } from "./steps.ts";

const at = (name: string, scene: string, ready: string, steps?: Screen["steps"]): Screen => ({
  name,
  scene,
  fragment: "#/settings/recovery",
  ready,
  ...(steps && { steps }),
});

const drawn = async (page: Page): Promise<void> => {
  await seeing("recovery-make", "recovery-sheet")(page);
  await seeing("recovery-qr-show", "recovery-qr")(page);
  await page.locator('[data-testid="recovery-qr"] svg').waitFor();
};

const checked =
  (right: boolean) =>
  async (page: Page): Promise<void> => {
    await seeing("recovery-confirm", "recovery-group")(page);
    const asked = (await page.getByTestId("recovery-check").textContent()) ?? "";
    const group = Number(/[1-8]/.exec(asked.normalize("NFKC").replace(/[٠-٩]/g, western))?.[0] ?? "1");
    await page.getByTestId("recovery-group").fill(right ? (KEY.split("-")[group - 1] ?? "") : "AAAA");
    await page.getByTestId("recovery-check-do").click();
    await page.getByTestId(right ? "recovery-state" : "recovery-check").waitFor();
    if (!right) await page.getByRole("alert").first().waitFor();
  };
const western = (digit: string): string => String(digit.charCodeAt(0) - 0x660);

const typed =
  (key: string) =>
  async (page: Page): Promise<void> => {
    await seeing("start-restore", "code-field")(page);
    await page.getByTestId("code-field").fill(key);
    await page.getByTestId("code-use").click();
    await page.getByRole("alert").first().waitFor();
  };
const start = (name: string, key: string): Screen => ({
  name,
  scene: "empty",
  ready: "start-restore",
  steps: typed(`${key}-0000-0000-0000-0000-0000-0000-0000`),
});

export const RECOVERY: readonly Screen[] = [
  { name: "list-key-due", scene: "key-due", ready: "banner-recovery" },
  at("recovery-none", "fresh", "recovery-make"),
  at("recovery-limited", "key-limited", "recovery"),
  at("recovery-key", "fresh", "recovery-make", seeing("recovery-make", "recovery-sheet")),
  at("recovery-qr", "fresh", "recovery-make", drawn),
  at("recovery-shown", "key-shown", "recovery-state"),
  at("recovery-confirmed", "key-confirmed", "recovery-state"),
  at("recovery-rotated", "key-rotated", "recovery-state"),
  at("recovery-waits", "key-waits", "recovery-state"),
  at("recovery-problem", "key-problem", "recovery-problem"),
  at("recovery-check", "key-shown", "recovery-confirm", seeing("recovery-confirm", "recovery-group")),
  at("recovery-check-wrong", "key-shown", "recovery-confirm", checked(false)),
  at("recovery-check-right", "key-shown", "recovery-confirm", checked(true)),
  at("recovery-rotate", "key-confirmed", "recovery-rotate", seeing("recovery-rotate", "recovery-rotate-dialog")),
  { name: "restore", scene: "empty", ready: "start-restore", steps: seeing("start-restore", "code-field") },
  start("restore-wrong-key", "A"),
  start("restore-no-backup", "NONE"),
  start("restore-deleted", "GONE"),
  start("restore-full", "FULL"),
  start("restore-elsewhere", "ELSE"),
  start("restore-limit", "SLOW"),
  start("restore-offline", "LINE"),
  { name: "export", scene: "busy", fragment: "#/settings/export", ready: "export-html" },
  { name: "delete-account", scene: "busy", fragment: "#/settings/delete", ready: "delete-do" },
  {
    name: "delete-account-failed",
    scene: "busy",
    fragment: "#/settings/delete",
    ready: "delete-do",
    steps: async (page) => {
      await page.getByTestId("delete-name").fill("Layla");
      await page.getByTestId("delete-do").click();
      await page.getByRole("alert").first().waitFor();
    },
  },
];
