/** The contrast of every pair of tokens that text or a control stands on, recomputed from the file. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const CSS = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const TOKENS = new Map(
  [...CSS.matchAll(/--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)].map((m) => [
    m[1] ?? "",
    [m[2] ?? "", m[3] ?? ""] as const,
  ]),
);

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function pair(front: string, back: string, theme: 0 | 1): number {
  const [a, b] = [TOKENS.get(front), TOKENS.get(back)];
  if (!a || !b) throw new Error(`no such token: ${front} or ${back}`);
  return ratio(a[theme], b[theme]);
}

const SURFACES = ["bg", "panel", "raised"];
const PAIRS: readonly (readonly [string, string, number])[] = [
  ...[...SURFACES, "accent-soft", "ok-bg", "warn-bg", "danger-bg"].map((back) => ["ink", back, 10.4] as const),
  ...[...SURFACES, "accent-soft"].map((back) => ["mute", back, 4.5] as const),
  ...SURFACES.map((back) => ["edge", back, 3] as const),
  ...SURFACES.map((back) => ["accent", back, 5.6] as const),
  ["accent", "accent-soft", 4.5],
  ["on-accent", "accent", 7],
  ["on-clay", "clay", 5.5],
  ["clay", "clay-soft", 4.5],
  ["ink", "clay-soft", 10.4],
  ["mute", "clay-soft", 4.5],
  ["mine-ink", "mine", 10],
  ["mine-mute", "mine", 5.6],
  ["read", "mine", 5],
  ...["ok", "warn", "danger", "clay"].flatMap((front) => SURFACES.map((back) => [front, back, 4.5] as const)),
  ...["ok", "warn", "danger"].map((front) => [front, `${front}-bg`, 4.5] as const),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`tint-${n}-ink`, `tint-${n}`, 4.5] as const),
  ...[1, 2, 3, 4, 5, 6, 7, 8].flatMap((n) => [
    [`tint-${n}-ink`, "raised", 4.5] as const,
    [`tint-${n}-ink`, "mine", 4.5] as const,
  ]),
];

test.each(PAIRS)("%s on %s is at least %d in both themes", (front, back, lowest) => {
  expect(pair(front, back, 0)).toBeGreaterThanOrEqual(lowest);
  expect(pair(front, back, 1)).toBeGreaterThanOrEqual(lowest);
});

test("the formula is WCAG's: black on white is 21", () => {
  expect(ratio("#000000", "#ffffff")).toBeCloseTo(21, 5);
});
