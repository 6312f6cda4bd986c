/** What is said of a file beyond its kind: times, problems. */
import { findWords, t, useWords } from "../../i18n/catalogue.ts";
import { formatSpan } from "../../i18n/date.ts";
import { sayError } from "../../i18n/errors.ts";
import { formatBytes } from "../../i18n/number.ts";

/** Codes that mean something of their own where a file is concerned. */
export function sayFileError(code: string): string {
  return findWords(`file_error_${code.replaceAll("-", "_")}`) ?? sayError(code);
}

/** Why there is no microphone, in the words of calls. */
const REFUSALS: Readonly<Record<string, () => string>> = {
  "permission-denied": () => t.call_problem_permission_denied(),
  "no-device": () => t.call_problem_no_device(),
  unsupported: () => t.call_problem_unsupported(),
};

/** Why no voice note can be recorded. */
export async function sayRefusal(code: string): Promise<string> {
  await useWords("call").catch(() => undefined);
  return REFUSALS[code]?.() ?? sayFileError(code);
}

/** A recording was over before anything was heard. */
export const sayNothing = (): string => t.voice_nothing();

export const sayLength = (ms: number): string => formatSpan(Math.floor(ms / 1000));

/** 1.2 MB of 20 MB. */
export const sayProgress = (done: number, whole: number): string =>
  t.file_progress({ done: formatBytes(Math.min(done, whole)), whole: formatBytes(whole) });
