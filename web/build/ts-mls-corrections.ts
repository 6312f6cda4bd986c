/**
 * Corrections to ts-mls 1.6.4, applied while bundling: short anchored replacements, no source of it is copied.
 *
 * An anchor that does not occur exactly once, or a file that the bundle never loads, fails the build: a changed
 * dependency can never slip through half corrected. Drop this file when ts-mls 2 is final and passes tests/interop.
 */
import type { Plugin } from "vite";
import { isCallWorker } from "./entries.ts";

export interface Correction {
  readonly file: string;
  readonly anchor: string;
  readonly replacement: string;
  readonly why: string;
}

export const CORRECTIONS: readonly Correction[] = [
  {
    file: "clientState.js",
    anchor: "if (!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves))",
    replacement: "if (parentIdx === i)\nbreak;\nif (!dpNode.parent.unmergedLeaves.includes(unmergedLeaf))",
    why: "RFC 9420 7.1: only the nodes between the leaf and the parent list the leaf; without it ordinary trees are refused",
  },
  {
    file: "clientState.js",
    anchor: '!== "leaf" && !dp.includes(',
    replacement: '!== "leaf" || !dp.includes(',
    why: "RFC 9420 7.1: an unmerged leaf is non-blank and a descendant; without it one of the two is enough",
  },
  {
    file: "clientState.js",
    anchor: "Object.values(grouped.remove).length > 0;",
    replacement: "Object.values(grouped.remove).length > 0 || grouped.group_context_extensions.length > 0;",
    why: "RFC 9420 12.4: GroupContextExtensions needs a path; without it such Commits are refused by our rule C1",
  },
  {
    file: "createCommit.js",
    anchor: "toLeafIndex(state.privatePath.leafIndex), state.groupContext, state.signaturePrivateKey,",
    replacement:
      "toLeafIndex(state.privatePath.leafIndex), res.additionalResult.extensions?.length > 0 ? " +
      "{ ...state.groupContext, extensions: res.additionalResult.extensions } : state.groupContext, state.signaturePrivateKey,",
    why: "RFC 9420 12.4.1: the path is encrypted under the new extensions; without it nobody opens Remove + GroupContextExtensions",
  },
  {
    file: "protocolVersion.js",
    anchor: "(t) => protocolVersions[t]);",
    replacement: "(t) => protocolVersions[t] ?? Number(t));",
    why: "RFC 9420 7.2, 13.5: see the next one; what was read must be written again for signatures to hold",
  },
  {
    file: "protocolVersion.js",
    anchor: "enumNumberToKey(protocolVersions));",
    replacement: "(n) => enumNumberToKey(protocolVersions)(n) ?? String(n));",
    why: "RFC 9420 7.2, 13.5: unknown versions in capabilities mean nothing; without it one such leaf locks browsers out",
  },
  {
    file: "leafNode.js",
    anchor: 'ln.leafNodeSource === "key_package" ? ln : undefined',
    replacement: "ln",
    why: "rules K1, C2 and L5: a leaf of another kind is read, so that whoever signed the commit is known; without it browsers take for forged what other members refuse by its author, and their groups part",
  },
  {
    file: "leafNode.js",
    anchor: 'ln.leafNodeSource === "commit" ? ln : undefined',
    replacement: "ln",
    why: "see the one before",
  },
  {
    file: "leafNode.js",
    anchor: 'ln.leafNodeSource === "update" ? ln : undefined',
    replacement: "ln",
    why: "see the one before",
  },
];

/** The text of a ts-mls module with its corrections. Throws when an anchor does not occur exactly once. */
export function correctSource(file: string, source: string): string {
  return CORRECTIONS.filter((correction) => correction.file === file).reduce((text, { anchor, replacement }) => {
    const parts = text.split(anchor);
    if (parts.length !== 2) {
      throw new Error(`ts-mls ${file}: anchor found ${parts.length - 1} times, expected once: ${anchor}`);
    }
    return parts.join(replacement);
  }, source);
}

/** Vite plugin: corrects ts-mls wherever it is bundled. */
export function tsMlsCorrections(): Plugin {
  const waiting = new Set(CORRECTIONS.map(({ file }) => file));
  return {
    name: "zajil:ts-mls-corrections",
    enforce: "pre",
    transform(source, id) {
      const file = /\/ts-mls\/dist\/src\/([A-Za-z]+\.js)$/.exec(id)?.[1];
      if (file === undefined || !CORRECTIONS.some((correction) => correction.file === file)) return null;
      waiting.delete(file);
      return { code: correctSource(file, source), map: null };
    },
    buildStart({ input }) {
      if (isCallWorker(input)) waiting.clear();
    },
    buildEnd(error) {
      if (error === undefined && waiting.size > 0) throw new Error(`ts-mls: never bundled: ${[...waiting].join(", ")}`);
    },
  };
}
