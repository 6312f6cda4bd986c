/** Appeals that this member may judge: never those against their own decisions, which the server sees to. */
import { Ask, Press } from "../ask.svelte.ts";
import { call } from "./calls.ts";
import { session } from "./session.svelte.ts";
import { type Appeal, type AppealBrief, readAppeal, readAppealBrief, readAppeals } from "./item.ts";
import { readDecided } from "./shapes.ts";

export const ANSWER_CHARACTERS = 2000;
export type Outcome = "upheld" | "reversed" | "partly";
export const OUTCOMES: readonly Outcome[] = ["upheld", "reversed", "partly"];
export type Softer = "label" | "limit";

class AppealDesk {
  readonly list: Ask<readonly AppealBrief[]> = new Ask(() => call("GET", "/appeals", readAppeals));
  appeal = $state.raw<Appeal | undefined>();
  shown = $state(false);
  answer = $state("");
  outcome = $state<Outcome | undefined>();
  softer = $state<Softer>("limit");
  readonly press = new Press();

  /** Auditors read; seniors and admins judge. */
  get judges(): boolean {
    return ["senior", "admin"].includes(session.me?.role ?? "");
  }

  async open(id: string): Promise<void> {
    this.close();
    await this.press.done(async () => {
      if (this.judges) await call("POST", `/appeals/${id}/claim`, readAppealBrief);
      this.appeal = await call("GET", `/appeals/${id}`, readAppeal);
    });
    if (this.press.error !== undefined) await this.list.refresh();
  }

  close(): void {
    this.appeal = undefined;
    this.shown = false;
    this.answer = "";
    this.outcome = undefined;
    this.press.error = undefined;
  }

  /** Whether the outcome was taken. */
  async decide(): Promise<boolean> {
    const { appeal, outcome } = this;
    if (appeal === undefined || outcome === undefined) return false;
    const body = {
      outcome,
      answer: this.answer.trim(),
      ...(outcome === "partly" && { action: this.softer }),
    };
    const id = appeal.brief.appeal_id;
    if (!(await this.press.done(() => call("POST", `/appeals/${id}/decide`, readDecided, { body })))) return false;
    this.close();
    await this.list.refresh();
    return true;
  }

  clear(): void {
    this.close();
    this.list.value = undefined;
  }
}

export const appealDesk = new AppealDesk();
