/** What was decided about the persona, and what it reported. */
import { Ask, Press } from "../ask.svelte.ts";
import { author } from "./channel.svelte.ts";
import { live } from "./live.svelte.ts";
import * as redress from "./redress.ts";
import { makeOnce } from "./space.ts";

const ABOUT_ONESELF = ["notice.created", "appeal.updated", "report.updated"];

/** Decisions about the persona, its reports, its standing: one page. */
class Redress {
  readonly notices = new Ask(async () => redress.notices(await author()));
  readonly reports = new Ask(async () => redress.ownReports(await author()));
  readonly standing = new Ask(async () => redress.ownStanding(await author()));
  /** A decision came that nobody has looked at yet. */
  fresh = $state(false);

  /** Load, and follow changes; answers what ends it. */
  start(): () => void {
    this.refresh();
    return live.follow((heard) => {
      if (heard.gap || ABOUT_ONESELF.includes(heard.event.event)) this.refresh();
    });
  }

  refresh(): void {
    void this.notices.refresh();
    void this.reports.refresh();
    void this.standing.refresh();
  }

  /** Wherever channels are on screen: tell that a decision came. Answers what ends it. */
  listen(): () => void {
    return live.follow((heard) => {
      if (!heard.gap && heard.event.event === "notice.created") this.fresh = true;
    });
  }
}

export const ownRedress = new Redress();

/** One decision on its page: its reasons, and the appeal against it. */
export class OneNotice {
  readonly of: { readonly decision: string } | { readonly target: string };
  readonly notice: Ask<redress.Notice>;
  /** Of the appeal that was made, with the answer. */
  appeal = $state.raw<redress.Appeal>();
  text = $state("");
  readonly press = new Press();
  #once = makeOnce();

  /** By the decision's id, or by what it is about: then the newest one that counts. */
  constructor(of: OneNotice["of"]) {
    this.of = of;
    this.notice = new Ask(() => this.#load());
  }

  start(): () => void {
    void this.notice.refresh();
    ownRedress.fresh = false;
    return live.follow((heard) => {
      if (heard.gap || ABOUT_ONESELF.includes(heard.event.event)) void this.notice.refresh();
    });
  }

  async #load(): Promise<redress.Notice> {
    const as = await author();
    const notice = await this.#find(as);
    if (notice.appeal) this.appeal = await redress.findAppeal(as, notice.appeal.appeal_id);
    return notice;
  }

  async #find(as: number): Promise<redress.Notice> {
    if ("decision" in this.of) return redress.findNotice(as, this.of.decision);
    // What took this decision's place, after an appeal for instance, has a page of its own.
    const shown = this.notice.value;
    if (shown) return redress.findNotice(as, shown.decision_id);
    const { target } = this.of;
    const { notices } = await redress.notices(as);
    const about = notices.filter((one) => one.target === target);
    const found = about.find((one) => one.in_force) ?? about[0];
    if (!found) throw new Gone();
    return found;
  }

  /** Whether the appeal went out. */
  async send(): Promise<boolean> {
    const decision = this.notice.value?.decision_id;
    const words = this.text.trim();
    if (decision === undefined || words === "") return false;
    const done = await this.press.done(async () => {
      this.appeal = await redress.appeal(await author(), decision, words, this.#once);
    });
    if (!done) return false;
    this.text = "";
    this.#once = makeOnce();
    void this.notice.refresh();
    return true;
  }
}

class Gone extends Error {
  readonly code = "gone";
}

/** A report that is being written. */
export class NewReport {
  category = $state("");
  note = $state("");
  readonly press = new Press();
  readonly #kind: redress.ReportKind;
  readonly #target: string;
  readonly #once = makeOnce();

  constructor(kind: redress.ReportKind, target: string) {
    this.#kind = kind;
    this.#target = target;
  }

  /** Whether it went out. */
  send(): Promise<boolean> {
    const about = { kind: this.#kind, target: this.#target, category: this.category, note: this.note.trim() };
    return this.press.done(async () => redress.report(await author(), about, this.#once));
  }
}

/** Whether a code says that this server has no moderation to ask. */
export const isUnmoderated = (code: string | undefined): boolean => code === "no-such-route";
