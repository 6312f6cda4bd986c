/** A sentence for every error code that can reach a person. Codes are of docs/protocol/errors.md and of the browser. */
import { findWords, t, useWords } from "./catalogue.ts";

/** Codes that mean the same to a person: what happened, and whether anything is to be done. */
const SAME: Readonly<Record<string, string>> = {
  malformed: "bug",
  "mixed-auth": "bug",
  "idem-conflict": "bug",
  "no-such-route": "bug",
  protocol: "bug",
  "wrong-call": "bug",
  "wrong-space": "bug",
  "worker-ended": "bug",
  "token-expired": "again",
  "bad-challenge": "again",
  "stale-epoch": "again",
  "stale-list": "again",
  "group-exists": "again",
  "pass-spent": "again",
  "hash-mismatch": "again",
  "wrong-offset": "again",
  "bad-delivery-ref": "again",
  replaced: "again",
  busy: "again",
  restarting: "again",
  internal: "again",
  "bad-group-token": "chat-stuck",
  "bad-roster-key": "chat-stuck",
  "newer-schema": "unsupported-version",
  "lost-lead": "stopped",
  "not-leading": "other-tab",
};

/** Codes of programs with folders, files and names on a command line; a browser has none of them. */
export const COMMAND_LINE_ONLY: readonly string[] = [
  ...["home-exists", "home-busy", "ambiguous-name"],
  ...["bad-bundle", "foreign-bundle", "bundle-too-big", "nothing-waits", "bridge-exists"],
];

/** Codes of files: their words, `file_error_*`, come with the parts that show files, not with the start. */
export const FILES_ONLY: readonly string[] = ["file-too-big", "too-many-files", "no-attachment"];

/** Codes of push: their words, `push_error_*`, come with the settings. */
export const PUSH_ONLY: readonly string[] = ["push-refused"];

/** The catalogue's key for a code. */
export function errorKey(code: string): string {
  return `error_${(SAME[code] ?? code).replaceAll("-", "_")}`;
}

/**
 * What a failure means, in words; a code without words of its own is named. The words come with the first screen: where
 * they are not here yet, they are asked for, and what shows this shows them then.
 */
export function sayError(code: string): string {
  const words = findWords(errorKey(code));
  if (words === undefined) useWords("errors").catch(() => undefined);
  return words ?? t.error_other({ code });
}

/** The code of anything that was thrown: calls fail with one, everything else is a bug. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "bug";
}
