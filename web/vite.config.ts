/** The product build: a static client for any base path; `--mode seed` swaps the worker for seeded data (screens). */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig, type Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { ahead } from "./build/ahead.ts";
import { oneStart } from "./build/first-load.ts";
import { splitKept } from "./build/kept.ts";
import { messages } from "./build/messages.ts";
import { oneHash } from "./build/one-hash.ts";
import { ownRuntime } from "./build/own-runtime.ts";
import { tsMlsCorrections } from "./build/ts-mls-corrections.ts";
import { withoutWhys } from "./build/without-whys.ts";

export const WEB = import.meta.dirname;
export const OUTPUT = resolve(WEB, "../src/zajil/server/web");
export const VERSION =
  /^version = "([^"]+)"/m.exec(readFileSync(resolve(WEB, "../pyproject.toml"), "utf8"))?.[1] ?? "0";
/** The oldest browsers; later ones for CSS keep `light-dark()` as it is written. */
export const TARGETS = {
  target: ["chrome123", "firefox128", "safari17.5"],
  cssTarget: ["chrome123", "firefox120", "safari17.5"],
};
// Optional peers of ts-mls for suites that Zajil does not speak: never loaded, so never installed.
const NOT_INSTALLED = ["@hpke/chacha20poly1305", "@hpke/dhkem-x448", "@hpke/ml-kem", "@noble/post-quantum/ml-dsa.js"];

/** Modules that nothing calls resolve to nothing, so that the bundle names no package that is not there. */
function withoutUnusedSuites(): Plugin {
  return {
    name: "zajil:without-unused-suites",
    enforce: "pre",
    resolveId: (source) => (NOT_INSTALLED.includes(source) ? `\0absent:${source}` : null),
    load: (id) => (id.startsWith("\0absent:") ? "export default undefined;" : null),
  };
}

/** Where this build writes: a release is written beside the one before (`--outDir`). */
let output = OUTPUT;
const noteOutput: Plugin = {
  name: "zajil:note-output",
  configResolved({ root, build }) {
    output = resolve(root, build.outDir);
  },
};
/** What it wrote under a name. */
const read = (name: string): Uint8Array => readFileSync(resolve(output, name));

/** Names catalogues by language and part and their keys by part, below this folder; other chunks as they come. */
export function nameChunk(folder: string): (chunk: { facadeModuleId: string | null }) => string {
  return ({ facadeModuleId }) => {
    const [, language, part] = facadeModuleId?.match(/^\0virtual:messages\/(\w+)\/(\w+)$/) ?? [];
    const name =
      language === undefined ? "[name]" : language === "keys" ? `keys-${part}` : `messages-${language}-${part}`;
    return `${folder}/${name}-[hash].js`;
  };
}

/** In `--mode seed` the page talks to seeded data instead of a worker. */
function seededLink(): Plugin {
  const seed = resolve(WEB, "e2e/seed/link.ts");
  const calls = resolve(WEB, "e2e/seed/callside.ts");
  return {
    name: "zajil:seeded-link",
    enforce: "pre",
    async resolveId(source, importer) {
      if (source.endsWith("core/worker.ts?worker&url")) return "\0absent:worker"; // nothing runs behind the page
      if (source.endsWith("platform/calls/open.ts")) return calls;
      if (!source.endsWith("core/link.ts") || importer === seed) return null;
      return seed;
    },
  };
}

export default defineConfig(({ mode }) => {
  const seed = mode === "seed";
  return {
    root: WEB,
    base: "./",
    logLevel: "warn",
    define: { __ZAJIL_VERSION__: JSON.stringify(VERSION) },
    plugins: [
      noteOutput,
      messages(),
      ahead(),
      ...(seed ? [seededLink()] : []),
      withoutUnusedSuites(),
      svelte(),
      tailwindcss(),
      ...(seed
        ? []
        : [
            VitePWA({
              strategies: "injectManifest",
              srcDir: "src",
              filename: "sw.ts",
              injectRegister: false,
              manifest: false,
              injectManifest: {
                globPatterns: ["**/*.{html,js,css,svg,png,webmanifest}"],
                globIgnores: ["sw.js"],
                dontCacheBustURLsMatching: /^assets\//,
                // Written into the worker as it is; the plugin's own type knows one list of entries alone.
                manifestTransforms: [
                  (entries) => ({ manifest: splitKept(entries, read) as unknown as typeof entries }),
                ],
              },
            }),
          ]),
    ],
    worker: {
      format: "es",
      plugins: () => [withoutUnusedSuites(), tsMlsCorrections(), withoutWhys(), oneHash(), ownRuntime()],
      // Notes for bundlers are of no use once it is bundled; licences stay.
      rolldownOptions: {
        output: {
          comments: { annotation: false, legal: true },
          chunkFileNames: "assets/[name]-[hash].js",
          codeSplitting: oneStart("core", ["/src/core/life.ts"], "/src/core/worker.ts"),
          entryFileNames: ({ name }) => `assets/${name === "callworker" ? "calls" : "[name]"}-[hash].js`,
        },
      },
    },
    build: {
      outDir: seed ? resolve(WEB, "artifacts/seed") : OUTPUT,
      emptyOutDir: true,
      ...TARGETS,
      sourcemap: false,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: {
        output: { chunkFileNames: nameChunk("assets"), codeSplitting: oneStart("core") },
      },
    },
    server: { proxy: { "/v1": { target: "http://127.0.0.1:8440", ws: true } } },
  };
});
