/** Numbers in the digits a person reads: those of the language, or the ones chosen. */
import { createSubscriber } from "svelte/reactivity";
import { language, type Language, useNumbers } from "./catalogue.ts";

/** auto: as the language and region have them. latn: 123. arab: ١٢٣. */
export type Digits = "auto" | "latn" | "arab";
export const DIGITS: readonly Digits[] = ["auto", "latn", "arab"];

let chosen: Digits = "auto";
let announce: () => void = () => undefined;
const subscribe = createSubscriber((update) => {
  announce = update;
  return () => undefined;
});

export function digits(): Digits {
  subscribe();
  return chosen;
}

export function useDigits(next: Digits): void {
  chosen = next;
  announce();
}

/**
 * BCP 47 tag for Intl: the region of the browser's own setting where it is of this language, Gregorian, and the digits.
 * browser: `navigator.languages`.
 */
export function findLocale(of: Language, numerals: Digits, browser: readonly string[]): string {
  const base = browser.find((tag) => tag.toLowerCase().split("-")[0] === of) ?? of;
  const plain = base.split("-u-")[0] ?? of;
  return `${plain}-u-ca-gregory${numerals === "auto" ? "" : `-nu-${numerals}`}`;
}

/** The tag for the language and digits in use. */
export function locale(): string {
  return findLocale(language(), digits(), typeof navigator === "undefined" ? [] : navigator.languages);
}

/** A count, grouped and in the digits in use. */
export function formatNumber(n: number): string {
  return new Intl.NumberFormat(locale()).format(n);
}

useNumbers(formatNumber);

/** A size in bytes as kB, MB, GB of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const style = {
    style: "unit",
    unit: units[at] ?? "byte",
    unitDisplay: at === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  } as const;
  return new Intl.NumberFormat(locale(), style).format(bytes / 1000 ** at);
}

/** A count twice, as catalogue messages take it: `n` selects the plural form, `nt` is shown. */
export function counted(n: number): { n: number; nt: string } {
  return { n, nt: formatNumber(n) };
}
