/** What a tab is told of an error: its code and what the client does about its class, never a text or a stack. */
import { ZajilError } from "../protocol/errors.ts";
import type { Failure } from "./api.ts";

/** The failure of anything thrown. What nobody foresaw is reported to the browser's console: it is a bug. */
export function failureOf(problem: unknown): Failure {
  if (problem instanceof ZajilError) {
    const { code, category, retryMs } = problem;
    return retryMs === undefined ? { code, category } : { code, category, retry_ms: retryMs };
  }
  if (typeof reportError === "function") reportError(problem);
  return { code: "internal", category: "bug" };
}
