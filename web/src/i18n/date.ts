/** Times and days in words. Clock times have 24 hours; every date is Gregorian. */
import { t } from "./catalogue.ts";
import { locale } from "./number.ts";

const DAY_MS = 86_400_000;

/** Local midnight before `ms`. */
export function startOfDay(ms: number): number {
  const day = new Date(ms);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** Whole local days from `ms` to `now`; days of 23 and 25 hours count as one. */
export function daysBetween(ms: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);
}

/** The last moment that has a date: what others send may lie beyond it. */
const END_MS = 8.64e15;

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale(), options).format(Math.min(ms, END_MS));
}

/** 18:53 */
export function formatTime(ms: number): string {
  return format(ms, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** 03:12, 01:02:45: a length of time below a day. */
export function formatSpan(seconds: number): string {
  const hours = seconds < 3600 ? {} : ({ hour: "2-digit", hourCycle: "h23" } as const);
  const ms = Math.min(seconds * 1000, DAY_MS - 1);
  return format(ms, { ...hours, minute: "2-digit", second: "2-digit", timeZone: "UTC" });
}

/** 6 March 2026 at 18:53, joined as the language joins them. */
export function formatMoment(ms: number): string {
  return format(ms, { dateStyle: "long", timeStyle: "short", hourCycle: "h23" });
}

/** 6 March 2026 */
export function formatDate(ms: number): string {
  return format(ms, { dateStyle: "long" });
}

/** 18:53 of today, else with its date. */
export function formatMomentSince(ms: number, now: number): string {
  return daysBetween(ms, now) === 0 ? formatTime(ms) : formatMoment(ms);
}

/** A day as a heading: Today, Yesterday, Wednesday (of the last 6 days), 6 March, 6 March 2025. */
export function formatDay(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  if (days === 0) return t.today();
  if (days === 1) return t.yesterday();
  if (days > 1 && days < 7) return format(ms, { weekday: "long" });
  const year = new Date(ms).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return format(ms, { day: "numeric", month: "long", ...(year && { year }) });
}

/** When something last happened, for the end of a row: 18:53 today, then Yesterday, Wed, 6 Mar, 06/03/2025. */
export function formatWhen(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  if (days <= 0) return formatTime(ms);
  if (days === 1) return t.yesterday();
  if (days < 7) return format(ms, { weekday: "short" });
  if (new Date(ms).getFullYear() === new Date(now).getFullYear()) return format(ms, { day: "numeric", month: "short" });
  return format(ms, { day: "2-digit", month: "2-digit", year: "numeric" });
}
