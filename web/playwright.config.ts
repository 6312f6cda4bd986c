/** Stories and screens in the system's Chromium; one person is one browser context. */
import { defineConfig } from "@playwright/test";

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
    launchOptions: {
      executablePath: process.env["ZAJIL_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ],
    },
  },
});
