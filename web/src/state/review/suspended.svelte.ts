/** Rules and list entries that count no more since people reversed what followed from them, and how one counts again. */
import { Ask, Press } from "../ask.svelte.ts";
import { fieldsOf, listOf, number, text } from "../public/shapes.ts";
import { call } from "./calls.ts";
import type { PastDecision } from "./item.ts";
import { session } from "./session.svelte.ts";
import { listOr, textOr } from "./shapes.ts";

/** Longest reason that the server takes. */
export const REASON_CHARACTERS = 500;

export interface Suspension {
  /** `rule`, or the list that has the entry. */
  readonly kind: string;
  readonly ref: string;
  /** Unix seconds. */
  readonly since: number;
  /** Why, the newest first. */
  readonly reversals: readonly PastDecision[];
  /** Whether the policy or the list still has it. */
  readonly stands: boolean;
}

/** A program's decision that people reversed. */
function readReversed(value: unknown): PastDecision {
  const of = fieldsOf(value);
  return {
    decision_id: text(of, "decision_id"),
    action: text(of, "action"),
    category: text(of, "category"),
    at: number(of, "at"),
    text: textOr(of, "text"),
    ...{ because: "", human: false, note: "", in_force: false },
  };
}

export function readSuspensions(value: unknown): readonly Suspension[] {
  return listOf(fieldsOf(value), "suspensions", (each) => {
    const of = fieldsOf(each);
    return {
      kind: text(of, "kind"),
      ref: text(of, "ref"),
      since: number(of, "since"),
      reversals: listOr(of, "reversals", readReversed),
      stands: of["stands"] !== false,
    };
  });
}

class SuspendedDesk {
  readonly list: Ask<readonly Suspension[]> = new Ask(() => call("GET", "/suspensions", readSuspensions));
  /** Whether texts are shown. */
  shown = $state(false);
  /** The one that is to count again, once a reason is given. */
  at = $state.raw<Suspension | undefined>();
  reason = $state("");
  readonly press = new Press();

  /** Whoever keeps the lists and the policy lifts; all others read. */
  get lifts(): boolean {
    return ["policy", "admin"].includes(session.me?.role ?? "");
  }

  /** Whether it is the one for which a reason is asked. A refresh has other objects for the same ones. */
  isAt({ kind, ref }: Suspension): boolean {
    return this.at?.kind === kind && this.at.ref === ref;
  }

  begin(one: Suspension): void {
    this.cancel();
    this.at = one;
  }

  cancel(): void {
    this.at = undefined;
    this.reason = "";
    this.press.error = undefined;
  }

  /** Whether it counts again. */
  async lift(): Promise<boolean> {
    const { at } = this;
    const reason = this.reason.trim();
    if (at === undefined || reason === "") return false;
    const body = { kind: at.kind, ref: at.ref, reason };
    const done = await this.press.done(() =>
      session.withKey(() => call("POST", "/suspensions/lift", readSuspensions, { body })),
    );
    if (done) this.cancel();
    await this.list.refresh();
    return done;
  }

  clear(): void {
    this.cancel();
    this.shown = false;
    this.list.value = undefined;
  }
}

export const suspendedDesk = new SuspendedDesk();
