/** The page of e2e/calls-media.spec.ts: the media of calls without a server and without a screen. Never shipped. */
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { TARGETS, WEB } from "../vite.config.ts";

// Vite reads the default export of its configuration file, and only that.
export default defineConfig({
  root: resolve(WEB, "e2e/calls"),
  base: "./",
  logLevel: "warn",
  worker: { format: "es" },
  build: { outDir: resolve(WEB, "artifacts/calls"), emptyOutDir: true, ...TARGETS, modulePreload: { polyfill: false } },
});
