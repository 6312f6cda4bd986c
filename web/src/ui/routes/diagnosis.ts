/**
 * A report for whoever helps: what was tried and how it went, and nothing that leads to a person, a server or a bridge.
 * It is in English and codes, for it is read by people who run servers.
 */
import type { Connection, Route } from "../../core/api.ts";

/** Only words of design: a code that is no code could hold anything. */
function code(text: string | undefined): string {
  return text !== undefined && /^[a-z_-]{1,24}$/.test(text) ? text : "unknown";
}

/** "3 min ago": enough to help, too little to match with anybody's logs. */
function ago(at: number, now: number): string {
  const minutes = Math.max(0, Math.round((now - at) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 90) return `${String(minutes)} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${String(hours)} h ago` : `${String(Math.round(hours / 24))} days ago`;
}

/** origin, front 1, bridge 2, private bridge 1. */
function labels(routes: readonly Route[]): readonly string[] {
  const counts = new Map<string, number>();
  return routes.map(({ kind, own }) => {
    const name = own ? `private ${code(kind)}` : code(kind);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return `${name} ${String(count)}`;
  });
}

function line(route: Route, label: string, now: number): string {
  const { strategy, segmented, chosen, result, stage, reason, tried_at, round_trip_ms, last_ok_at } = route;
  const went = result === undefined ? "not tried" : code(result);
  const why = [stage, reason].filter((each) => each !== undefined).map(code);
  return [
    `${label}: ${code(strategy)}${segmented ? " segmented" : ""}`,
    chosen ? `in use, ${went}` : went,
    ...(result === "failed" || result === "frozen" ? [why.join(" ")] : []),
    ...(round_trip_ms === undefined ? [] : [`${String(Math.round(round_trip_ms))} ms`]),
    ...(tried_at === undefined ? [] : [`tried ${ago(tried_at, now)}`]),
    ...(last_ok_at === undefined ? [] : [`last worked ${ago(last_ok_at, now)}`]),
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** The report, some lines of text. version: of this client. now: Unix ms. */
export function diagnose(connection: Connection, { version, now }: { version: string; now: number }): string {
  const { state, since, last_ok_at, round_trip_ms, bridges, routes } = connection;
  const names = labels(routes);
  return [
    `Zajil web ${version}, diagnosis`,
    `state: ${code(state)}, since ${ago(since, now)}`,
    ...(round_trip_ms === undefined ? [] : [`round trip: ${String(Math.round(round_trip_ms))} ms`]),
    ...(last_ok_at === undefined ? [] : [`last reached: ${ago(last_ok_at, now)}`]),
    `private bridges held: ${String(bridges)}`,
    ...routes.map((route, at) => line(route, names[at] ?? "", now)),
  ].join("\n");
}
