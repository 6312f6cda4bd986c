/**
 * The moderators' console: a page of its own beside the messenger, built after it into the same folder. It shares no
 * chunk with the messenger, so nothing of it is in the messenger's worker, its start, or what its service worker keeps.
 */
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";
import { OUTPUT, TARGETS, VERSION, WEB, nameChunk } from "../vite.config.ts";
import { messages } from "./messages.ts";

export default defineConfig(({ mode }) => ({
  root: WEB,
  base: "./",
  logLevel: "warn",
  publicDir: false,
  define: { __ZAJIL_VERSION__: JSON.stringify(VERSION) },
  plugins: [messages("console"), svelte(), tailwindcss()],
  server: { proxy: { "/mod": { target: "http://127.0.0.1:8440" } } },
  build: {
    ...TARGETS,
    outDir: mode === "seed" ? resolve(WEB, "artifacts/seed") : OUTPUT,
    emptyOutDir: false,
    assetsDir: "assets/review",
    sourcemap: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: resolve(WEB, "review.html"),
      output: { chunkFileNames: nameChunk("assets/review") },
    },
  },
}));
