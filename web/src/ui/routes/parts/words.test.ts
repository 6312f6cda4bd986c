/** The words of a route, in the three languages: none is missing, none is a code, and what differs reads differently. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Route } from "../../../core/api.ts";
import { LANGUAGES, useAllWords, useLanguage } from "../../../i18n/catalogue.ts";
import { arrange, codesOf, markOf, sayDetails, sayKinds, sayResult } from "./words.ts";

const route = (more: Partial<Route> = {}): Route => ({
  id: "x",
  kind: "bridge",
  name: "a.example",
  own: false,
  strategy: "wss",
  segmented: false,
  chosen: false,
  ...more,
});
const REASONS = ["refused", "reset", "timeout", "unreachable", "cert", "status", "frozen", "proxy", "closed"];

beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} });
});

test.each(LANGUAGES)("in %s every end has words", async (language) => {
  await useLanguage(language);
  await useAllWords();
  const failed = REASONS.map((reason) => route({ result: "failed", stage: "tls", reason }));
  const ends = [
    route(),
    route({ chosen: true }),
    route({ result: "failed" }),
    ...(["proved", "works", "frozen"] as const).map((result) => route({ result })),
  ];
  const words = [...ends, ...failed].map(sayResult);
  expect(words.filter((one) => one === "" || /route_|undefined/.test(one) || REASONS.includes(one))).toEqual([]);
  expect(new Set(ends.map(sayResult)).size).toBe(ends.length);
  expect(sayResult(route({ result: "failed", reason: "cert" }))).not.toBe(sayResult(route({ result: "failed" })));
});

test("each kind that was tried is named once", async () => {
  await useLanguage("en");
  await useAllWords();
  expect(sayKinds([])).toBe("direct");
  expect(
    sayKinds([route({ result: "failed" }), route({ result: "failed", own: true }), route({ kind: "front" })]),
  ).toBe("bridge");
});

test("codes stand in the small print, and a route that works has none of failures", () => {
  expect(codesOf(route({ result: "failed", stage: "tls", reason: "reset" }))).toBe("wss tls reset");
  expect(codesOf(route({ chosen: true, strategy: "poll", stage: "tls", reason: "reset" }))).toBe("poll");
  expect(markOf(route())).toBe("none");
  expect(markOf(route({ result: "frozen" }))).toBe("bad");
  expect(markOf(route({ result: "frozen", chosen: true }))).toBe("ok");
});

test("what worked before is said of what fails now only", () => {
  const now = Date.UTC(2026, 9, 14, 15, 42);
  expect(sayDetails(route({ result: "proved", last_ok_at: now }), now)).toHaveLength(1);
  expect(sayDetails(route({ result: "failed", last_ok_at: now }), now)).toHaveLength(2);
});

test("the one in use comes first; public ones not tried are counted only", () => {
  const routes = [route({ id: "a", result: "failed" }), route({ id: "b" }), route({ id: "c", chosen: true })];
  expect(arrange([...routes, route({ id: "d", own: true })])).toEqual({
    shown: [routes[2], routes[0], route({ id: "d", own: true })],
    more: 1,
  });
});
