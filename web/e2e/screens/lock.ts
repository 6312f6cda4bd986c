/** The screens of the app lock: in front of everything, and its page in the settings. */
import type { Page } from "@playwright/test";
import { seeing, type Screen } from "./steps.ts";

const filled =
  (values: Readonly<Record<string, string>>, press: string) =>
  async (page: Page): Promise<void> => {
    for (const [field, text] of Object.entries(values)) await page.getByTestId(field).fill(text);
    await page.getByTestId(press).click();
    await page.getByRole("alert").first().waitFor();
  };
const settings = (name: string, scene: string, ready: string, steps?: Screen["steps"]): Screen => ({
  name,
  scene,
  fragment: "#/settings/lock",
  ready,
  ...(steps && { steps }),
});
const LONG = "quiet lamp river seven";

export const LOCK: readonly Screen[] = [
  { name: "locked", scene: "locked", ready: "lock-passphrase" },
  {
    name: "locked-wrong",
    scene: "locked",
    ready: "lock-passphrase",
    steps: filled({ "lock-passphrase": "wrong one" }, "lock-open"),
  },
  { name: "locked-waits", scene: "locked-waits", ready: "lock-wait" },
  { name: "locked-forgotten", scene: "locked", ready: "lock-forgot", steps: seeing("lock-forgot", "lock-erase") },
  {
    name: "locked-erase",
    scene: "locked",
    ready: "lock-forgot",
    steps: async (page) => {
      await seeing("lock-forgot", "lock-erase")(page);
      await seeing("lock-erase", "lock-erase-dialog")(page);
    },
  },
  settings("lock-off", "busy", "lock-on"),
  settings("lock-differs", "busy", "lock-on", filled({ "lock-next": LONG, "lock-again": `${LONG}s` }, "lock-on")),
  settings("lock-short", "busy", "lock-on", filled({ "lock-next": "short", "lock-again": "short" }, "lock-on")),
  settings("lock-on", "lock-on", "lock-change"),
  settings("lock-off-wrong", "lock-on", "lock-off", filled({ "lock-present-off": "wrong one" }, "lock-off")),
  { name: "locked-both", scene: "locked-both", ready: "lock-open-passkey" },
  { name: "locked-passkey", scene: "locked-passkey", ready: "lock-open-passkey" },
  settings("lock-on-both", "lock-on-both", "lock-drop-passkey"),
  settings("lock-on-passkey", "lock-on-passkey", "lock-change"),
  settings("lock-impossible", "memory-only", "lock-page"),
  { name: "settings-locked", scene: "lock-on", fragment: "#/settings", ready: "lock-now" },
];
