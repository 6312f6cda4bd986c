/** Stories and screens in the system's Chromium; one person is one browser context. */
import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./e2e/chromium.ts";

export default defineConfig({
  testDir: "e2e",
  testMatch: process.env["ZAJIL_BENCH"] === undefined ? "*.spec.ts" : "*.bench.ts",
  outputDir: "artifacts/playwright",
  reporter: [["list"]],
  workers: 1,
  // A story that needs its second try is a fault to mend; tests/browser says which did.
  retries: process.env["CI"] ? 1 : 0,
  timeout: 180_000,
  expect: { timeout: 15_000 },
  use: {
    browserName: "chromium",
    actionTimeout: 15_000,
    launchOptions: CHROMIUM,
  },
});
