/** Leaves out of the shipped worker what errors say to developers: tabs are told codes, and nobody reads the rest. */
import type { Plugin } from "vite";

const OURS = /import\s*\{[^}]*\berror\b[^}]*\}\s*from\s*"[./\w]*\/errors\.ts"/;
/** `error("code", "words")`, written on one line or on several; calls with more to tell stay whole. */
const CALL = /\berror\(\s*("[a-z-]+"),\s*"(?:[^"\\]|\\.)*",?\s*\)/g;

/** The text of a module with only the codes of its errors. */
export function dropWhys(text: string): string {
  return OURS.test(text) ? text.replace(CALL, "error($1)") : text;
}

/** `new Error("words")` of a library, with nothing but its words. */
const LIBRARY = /\bnew (\w*Error)\(\s*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'),?\s*\)/g;

/** The text of a library's module with errors that say nothing. */
export function dropLibraryWhys(text: string): string {
  return text.replace(LIBRARY, "new $1()");
}

export function withoutWhys(): Plugin {
  return {
    name: "zajil:without-whys",
    enforce: "pre",
    apply: "build",
    transform(code, id) {
      const ours = /\/src\/(core|protocol)\/.*\.ts$/.test(id);
      if (!ours && !/\/node_modules\/@(hpke|noble)\//.test(id)) return null;
      const shorter = ours ? dropWhys(code) : dropLibraryWhys(code);
      return shorter === code ? null : { code: shorter, map: null };
    },
  };
}
