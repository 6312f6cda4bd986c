/** Bundles tests/interop/peer into build/interop: peer.mjs as the product has it, peer-raw.mjs (ZAJIL_PEER=raw) without. */
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { oneHash } from "./one-hash.ts";
import { tsMlsCorrections } from "./ts-mls-corrections.ts";

const WEB = resolve(import.meta.dirname, "..");
const PEER = resolve(WEB, "../tests/interop/peer");
const RAW = process.env["ZAJIL_PEER"] === "raw";
// Optional peers of ts-mls for suites that Zajil does not speak: never loaded, so never installed.
const NOT_INSTALLED = ["@hpke/chacha20poly1305", "@hpke/dhkem-x448", "@hpke/ml-kem", "@noble/post-quantum/ml-dsa.js"];

/** The peer lives beside its tests, its dependencies in web/node_modules: bare imports resolve from there. */
function dependenciesOfWeb(): Plugin {
  return {
    name: "zajil:dependencies-of-web",
    enforce: "pre",
    resolveId(source, importer) {
      const bare = /^[a-z@]/.test(source) && !source.startsWith("node:");
      return bare && importer?.startsWith(PEER)
        ? this.resolve(source, resolve(WEB, "package.json"), { skipSelf: true })
        : null;
    },
  };
}

// Vite reads the default export of its configuration file, and only that.
export default defineConfig({
  root: WEB,
  logLevel: "warn",
  plugins: [dependenciesOfWeb(), ...(RAW ? [] : [tsMlsCorrections(), oneHash()])],
  build: {
    outDir: resolve(WEB, "../build/interop"),
    emptyOutDir: false,
    target: "node20",
    minify: false,
    lib: {
      entry: resolve(PEER, RAW ? "raw.ts" : "main.ts"),
      formats: ["es"],
      fileName: () => (RAW ? "peer-raw.mjs" : "peer.mjs"),
    },
    rolldownOptions: { external: [/^(node:|crypto$)/, ...NOT_INSTALLED], output: { codeSplitting: false } },
  },
});
