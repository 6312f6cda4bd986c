/** Words of the wire in words of the reviewer's language; what this version does not know is named as it is. */
import { findWords, t } from "../../../i18n/catalogue.ts";
import { formatMoment } from "../../../i18n/date.ts";

const say = (kind: string, word: string, otherwise: string): string =>
  findWords(`${kind}_${word.replace(/\W/g, "_")}`) ?? otherwise;

/** A category; `any` and none are not settled yet. */
export const sayCategory = (category: string): string =>
  category === "" || category === "any" ? t.rv_no_category() : say("cat", category, category);
export const saySub = (sub: string): string => say("rv_sub", sub, sub);
/** What a button does; in the blind sample it only says what the text is. */
export const sayDo = (action: string, blind = false): string =>
  (blind ? findWords(`rv_blind_${action}`) : undefined) ?? say("rv_do", action, action);
/** What was done. */
export const sayDone = (action: string): string =>
  findWords(`rv_done_${action.replace(/\W/g, "_")}`) ?? say("act", action, action);
export const sayQueue = (queue: string): string => say("rv_queue", queue, queue);
export const sayRole = (role: string): string => say("rv_role", role, role);
export const sayLang = (lang: string): string => say("rv_lang", lang, lang);
export const saySource = (source: string): string => say("rv_source", source, source);
export const sayKind = (kind: string): string => say("rv_kind", kind, kind);
/** What is suspended: a rule, or an entry of which list. */
export const saySuspended = (kind: string): string => say("rv_suspends", kind, kind);
export const sayState = (state: string): string => say("rv_state", state, state);
export const sayAppealState = (state: string): string => say("appeal", state, state);
export const sayOutcome = (outcome: string): string => say("rv_outcome", outcome, outcome);

/** Unix seconds, in words. */
export const sayMoment = (seconds: number): string => formatMoment(seconds * 1000);

/** An error of the console: its own codes first. */
export const sayRefusal = (code: string): string | undefined => findWords(`rv_error_${code.replaceAll("-", "_")}`);
