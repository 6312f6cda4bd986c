/** Unit tests in Node, without a DOM; ts-mls is bundled through our corrections, as in the product. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { messages } from "./build/messages.ts";
import { ByCost } from "./build/shards.ts";
import { tsMlsCorrections } from "./build/ts-mls-corrections.ts";

export default defineConfig({
  plugins: [messages(), tsMlsCorrections(), svelte()],
  define: { __ZAJIL_VERSION__: JSON.stringify("test") },
  test: {
    include: ["src/**/*.test.ts", "build/**/*.test.ts"],
    environment: "node",
    pool: "threads",
    // Modules are loaded once a worker: a sixth of the time. A file that must have its own says vi.resetModules().
    isolate: false,
    sequence: { sequencer: ByCost },
    setupFiles: ["build/equal-bytes.ts", "build/own-globals.ts"],
    server: { deps: { inline: [/ts-mls/] } },
    testTimeout: 60_000,
  },
});
