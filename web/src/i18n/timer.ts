/** Spans in words: how long messages stay, and how long one has left. */
import { locale } from "./number.ts";

export const UNITS = { day: 86_400, hour: 3_600, minute: 60, second: 1 } as const;
export type Unit = keyof typeof UNITS;
const NAMES = Object.keys(UNITS) as Unit[];

const say = (count: number, unit: Unit, unitDisplay: "long" | "narrow"): string =>
  new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay }).format(count);

/** The largest unit of which a span is a whole number. seconds: above 0. */
export function unitOf(seconds: number): Unit {
  return NAMES.find((unit) => seconds % UNITS[unit] === 0) ?? "second";
}

/** 7 days, 1 hour, 90 seconds. seconds: above 0. */
export function sayTimer(seconds: number): string {
  const unit = unitOf(seconds);
  return say(seconds / UNITS[unit], unit, "long");
}

/** The same in a sentence, after "after": an Arabic two takes another ending there. */
export function sayAfter(seconds: number): string {
  const words = sayTimer(seconds);
  return locale().startsWith("ar") ? words.replace(/ان$/, "ين") : words;
}

/** How long there is until then, rounded up, in one unit: 23 hours, 23h. */
export function sayLeft(until: number, now: number, unitDisplay: "long" | "narrow"): string {
  const seconds = Math.max(1, Math.ceil((until - now) / 1000));
  const unit = NAMES.find((one) => seconds >= UNITS[one]) ?? "second";
  return say(Math.ceil(seconds / UNITS[unit]), unit, unitDisplay);
}
