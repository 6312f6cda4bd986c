/** What a route is and how it went, in words for people; stage and reason stay codes, for the small print. */
import type { Route } from "../../../core/api.ts";
import { findWords, t } from "../../../i18n/catalogue.ts";
import { formatWhen } from "../../../i18n/date.ts";
import { formatNumber, locale } from "../../../i18n/number.ts";

/** direct, front, bridge, your bridge. */
export function sayKind({ kind, own }: Pick<Route, "kind" | "own">): string {
  if (own) return t.route_kind_own();
  return { origin: t.route_kind_origin(), front: t.route_kind_front(), bridge: t.route_kind_bridge() }[kind];
}

/** "direct, front and bridge": the kinds of the routes that were tried, each once. */
export function sayKinds(routes: readonly Route[]): string {
  const tried = routes.filter(({ result }) => result !== undefined).map(({ kind }) => kind);
  const kinds = (["origin", "front", "bridge"] as const).filter((kind) => tried.includes(kind));
  const words = (kinds.length > 0 ? kinds : (["origin"] as const)).map((kind) => sayKind({ kind, own: false }));
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(words);
}

/** How it went, without a word of the trade. */
export function sayResult({ chosen, result, reason }: Route): string {
  if (chosen) return t.route_in_use();
  if (result === undefined) return t.route_untried();
  if (result !== "failed")
    return { proved: t.route_proved(), works: t.route_works(), frozen: t.route_frozen() }[result];
  return findWords(`route_failed_${reason === "closed" ? "reset" : (reason ?? "")}`) ?? t.route_failed();
}

/** How it looks: good, bad, or nothing known. */
export function markOf({ chosen, result }: Route): "ok" | "bad" | "none" {
  if (chosen || result === "proved" || result === "works") return "ok";
  return result === undefined ? "none" : "bad";
}

/** The small print in the reader's words: kind, round trip, when tried, when it last worked. */
export function sayDetails(route: Route, now: number): readonly string[] {
  const { chosen, result, segmented, round_trip_ms, tried_at, last_ok_at } = route;
  const failed = !chosen && (result === "failed" || result === "frozen");
  return [
    sayKind(route),
    ...(round_trip_ms === undefined || failed ? [] : [t.milliseconds({ nt: formatNumber(Math.round(round_trip_ms)) })]),
    ...(segmented ? [t.route_pieces()] : []),
    ...(tried_at === undefined || chosen ? [] : [t.route_tried({ when: formatWhen(tried_at, now) })]),
    ...(last_ok_at === undefined || !failed ? [] : [t.route_worked({ when: formatWhen(last_ok_at, now) })]),
  ];
}

/** Codes for whoever can use them: how it carries, and where and why it failed. */
export function codesOf({ chosen, strategy, stage, reason }: Route): string {
  const codes = [strategy, ...(chosen ? [] : [stage, reason])];
  return codes.filter((code) => code !== undefined && code !== "").join(" ");
}

/** As shown: the one in use first, the others as the worker has them; of public ones not tried only how many. */
export function arrange(routes: readonly Route[]): { shown: readonly Route[]; more: number } {
  const known = routes.filter(({ chosen, result, own }) => chosen || result !== undefined || own);
  const shown = [...known.filter(({ chosen }) => chosen), ...known.filter(({ chosen }) => !chosen)];
  return { shown, more: routes.length - shown.length };
}
