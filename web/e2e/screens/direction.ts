/** What stands on a page against the rules of direction (one function, so that every screen is measured by the same). */
import type { Page } from "@playwright/test";

/** Names and titles of the seed: words of users, in three scripts. */
const USERS = [
  ...["Анна Соколова", "Marta Lindqvist", "Kofi Mensah", "Layla", "Bartholomew Featherstonehaugh-Cholmondeley III"],
  ...["عمر نصّار", "عائلة حدّاد", "Saturday market", "Echo"],
];

/**
 * Faults, in words; none on a page that is right:
 * words of users outside of bdi, dir="auto" or isolates; codes and safety numbers that do not run from left to right (a
 * clock's digits always do, and a date in Arabic must not);
 * fields that do not take the direction of what is typed, or while they are empty that of the page; Arabic letters that
 * are spaced, slanted or set in capitals;
 * lines that run against their words, so that the beginning is cut off where there is no room.
 */
export function directionFaults(page: Page): Promise<string[]> {
  return page.evaluate((users) => {
    const faults: string[] = [];
    const say = (what: string, element: Element): void => {
      faults.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
    };
    const isolated = (text: string, name: string): boolean =>
      text
        .split(name)
        .slice(0, -1)
        .every((before) => /[\u2066-\u2068][^\u2069]*$/.test(before));
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.nodeValue ?? "";
      const element = node.parentElement;
      if (element === null || text.trim() === "" || element.closest("script, style, textarea") !== null) continue;
      for (const name of users)
        if (text.includes(name) && element.closest('bdi, [dir="auto"], [dir="ltr"]') === null && !isolated(text, name))
          say("words of a user are not isolated", element);
      if (!/\p{Script=Arabic}/u.test(text)) continue;
      const { fontStyle, letterSpacing, textTransform } = getComputedStyle(element);
      if (fontStyle !== "normal") say("slanted Arabic", element);
      if (letterSpacing !== "normal" && parseFloat(letterSpacing) !== 0) say("spaced Arabic", element);
      if (textTransform !== "none") say("transformed Arabic", element);
    }
    for (const element of document.querySelectorAll('.code, code, kbd, [data-testid="safety-number"]'))
      if (getComputedStyle(element).direction !== "ltr") say("a code or number runs from right to left", element);
    for (const element of document.querySelectorAll("textarea, input:not([type=checkbox], [type=radio])"))
      if (!["auto", "ltr"].includes(element.getAttribute("dir") ?? "")) say("a field keeps one direction", element);
    const way = (text: string): string | undefined => {
      const letter = /\p{L}/u.exec(text)?.[0];
      return letter && (/[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(letter) ? "rtl" : "ltr");
    };
    for (const element of document.querySelectorAll("body *")) {
      const { direction, textOverflow } = getComputedStyle(element);
      // What has a direction given was looked at by who gave it.
      if (textOverflow !== "ellipsis" || element.matches("[dir=ltr], [dir=rtl]")) continue;
      const words = element.cloneNode(true) as Element;
      for (const part of words.querySelectorAll("bdi, [dir], svg, .sr-only")) part.remove();
      const said = words.textContent.replace(/\u2068[^\u2069]*\u2069/g, "");
      // A sentence runs as its own words do; where there are none, as what it is made of.
      const inner = element.querySelector("bdi, [dir]");
      const style = inner && way(inner.textContent) !== undefined ? getComputedStyle(inner) : undefined;
      // A block inside is cut off by itself.
      const runs = way(said) ?? (style?.display === "inline" ? style.direction : undefined);
      if (runs !== undefined && runs !== direction) say("a line is cut off where it begins", element);
    }
    const rtl = document.documentElement.dir === "rtl";
    for (const element of document.querySelectorAll<HTMLInputElement>('textarea[dir="auto"], input[dir="auto"]'))
      if (rtl && element.type !== "file" && element.value === "" && getComputedStyle(element).direction !== "rtl")
        say("an empty field runs against the page", element);
    return faults;
  }, USERS);
}
