/**
 * One copy of what several libraries carry, fields written short, nothing of Node: bytes of the worker, applied while
 * bundling.
 *
 * `@hpke/common` and `mlkem` ship parts of `@noble/hashes` under other paths (their headers name the commits). The
 * worker has `@noble/hashes` anyway, so these parts resolve to it. Both libraries also define every field by
 * `Object.defineProperty` with all three flags true, which is what an assignment does where no class has a setter of
 * that name; none has. Where a worker had no WebCrypto, they would ask Node for it: here they find none, and say so in the
 * same words. A part that the bundle never asks for fails the build: a changed dependency is seen.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { isCallWorker } from "./entries.ts";

const MODULES = resolve(import.meta.dirname, "../node_modules");

interface Part {
  /** End of the path of the module that asks. */
  readonly importer: string;
  readonly source: string;
  /** Below @noble/hashes. */
  readonly instead: string;
}

export const PARTS: readonly Part[] = [
  { importer: "/@hpke/common/esm/mod.js", source: "./src/hash/sha2.js", instead: "sha2.js" },
  { importer: "/@hpke/common/esm/mod.js", source: "./src/hash/hmac.js", instead: "hmac.js" },
  { importer: "/mlkem/esm/src/sha3/sha3.js", source: "./_u64.js", instead: "_u64.js" },
  { importer: "/mlkem/esm/src/sha3/sha3.js", source: "./utils.js", instead: "utils.js" },
];

export const APART = { importer: "/protocol/identity/safety.ts", source: "@noble/hashes/sha2.js" };

const FIELD =
  /^( *)Object\.defineProperty\(this, "(\w+)", \{\n *enumerable: true,\n *configurable: true,\n *writable: true,\n *value: ([\s\S]*?)\n\1\}\);/gm;

/** The text of a library's module with assignments for its fields. */
export function assignFields(text: string): string {
  return text.replace(FIELD, "$1this.$2 = $3;");
}

const NODE = 'await import("crypto")';

/** The text of a library's module that asks for nothing of Node. */
export function withoutNode(text: string): string {
  return text.replaceAll(NODE, "{}");
}

/** Vite plugin: see above. */
export function oneHash(): Plugin {
  const waiting = new Set(PARTS);
  return {
    name: "zajil:one-hash",
    enforce: "pre",
    buildStart({ input }) {
      if (isCallWorker(input)) waiting.clear();
    },
    resolveId(source, importer) {
      // SHA-512 is of safety numbers alone: what loads with them has a copy of the module, and the start has none of it.
      if (source === APART.source && importer?.endsWith(APART.importer))
        return `${resolve(MODULES, "@noble/hashes/sha2.js")}?apart`;
      const part = PARTS.find((one) => one.source === source && importer?.endsWith(one.importer));
      if (part === undefined) return null;
      waiting.delete(part);
      const path = resolve(MODULES, "@noble/hashes", part.instead);
      return existsSync(path) ? path : null;
    },
    transform(code, id) {
      if (!/\/node_modules\/(@hpke|mlkem)\//.test(id)) return null;
      const shorter = withoutNode(assignFields(code));
      return shorter === code ? null : { code: shorter, map: null };
    },
    buildEnd(error) {
      const missed = [...waiting].map(({ source }) => source);
      if (error === undefined && missed.length > 0) throw new Error(`never bundled: ${missed.join(", ")}`);
    },
  };
}
