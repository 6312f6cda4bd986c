/** What moderation calls a reason, and how a post stands, in words. */
import { findWords, t } from "../../../i18n/catalogue.ts";
import { formatDate, formatMomentSince } from "../../../i18n/date.ts";
import type { AppealState, ReportKind, ReportState } from "../../../state/public/redress.ts";
import type { Post } from "../../../state/public/shapes.ts";

/** A category in words; one that this version does not know is a rule of the server. */
export function sayCategory(category: string): string {
  return findWords(`cat_${category.replace(/\W/g, "_")}`) ?? t.cat_other();
}

/** A word of the catalogue for a word of the wire, or the general one. */
const say = (kind: string, word: string, general: string): string =>
  findWords(`${kind}_${word.replace(/\W/g, "_")}`) ?? general;

/** What a decision did. */
export const sayAction = (action: string): string => say("act", action, t.act_other());
/** How far an appeal is. */
export const sayAppeal = (state: AppealState): string => say("appeal", state, state);
/** What came of a report. */
export const sayReport = (state: ReportState): string => say("report_state", state, state);
/** What a report is about. */
export const sayKind = (kind: ReportKind): string => say("report_kind", kind, kind);

/** Unix seconds as a day. */
export const sayDay = (seconds: number): string => formatDate(seconds * 1000);

/** Unix seconds as a time of today, else with its date. */
export const sayMoment = (seconds: number, now: number): string => formatMomentSince(seconds * 1000, now);

/** What the author is told of an own post that others see otherwise; undefined where all is as it looks. */
export function sayOwnState(post: Post, now: number): string | undefined {
  const category = sayCategory(post.category);
  switch (post.state) {
    case "pending":
      return post.version > 1 ? t.post_pending_edit() : t.post_pending();
    case "held":
      return post.held_until === undefined
        ? t.post_held()
        : t.post_held_until({ time: sayMoment(post.held_until, now) });
    case "limited":
      return t.post_limited_own({ category });
    case "removed":
      return t.post_removed_own({ category, date: sayDay(post.decided_at ?? post.created_at) });
    case "visible":
      return undefined;
  }
}
