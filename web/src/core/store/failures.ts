/** What can go wrong in the store, told apart for the core. */
import { HomeError, error } from "../../protocol/errors.ts";

/** Another tab took the lead: this store must not write again, whatever its memory holds (web.md 3, "fence"). */
export class LostLead extends HomeError {
  constructor() {
    super("lost-lead", { status: 0 });
  }
}

/**
 * The exception for what IndexedDB raised: a full disk is `storage-full`, a connection that was closed is a lost lead,
 * everything else stays what it is.
 */
export function explainFailure(problem: unknown): unknown {
  if (namedLike(problem, "QuotaExceededError")) return error("storage-full");
  return isClosing(problem) ? new LostLead() : problem;
}

/** What a connection answers that was closed under a step: site data was cleared, or another tab erases the profile. */
function isClosing(problem: unknown): boolean {
  if (namedLike(problem, "InvalidStateError") || namedLike(problem, "AbortError")) return true;
  return namedLike(problem, "UnknownError") && /clos/i.test((problem as DOMException).message);
}

/** Whether something is a DOMException of that name, also one from another realm. */
export function namedLike(problem: unknown, name: string): boolean {
  return typeof problem === "object" && problem !== null && "name" in problem && problem.name === name;
}
