/** Digits are a setting of their own; the calendar is Gregorian. */
import { expect, test, vi } from "vitest";
import { readMessages } from "../../build/messages.ts";
import { t, useAllWords, useLanguage } from "./catalogue.ts";
import { counted, findLocale, formatBytes, formatNumber, useDigits } from "./number.ts";

test("the browser's region counts where its language is the one in use", () => {
  expect(findLocale("ar", "auto", ["en-GB", "ar-EG"])).toBe("ar-EG-u-ca-gregory");
  expect(findLocale("ar", "auto", ["en-GB"])).toBe("ar-u-ca-gregory");
  expect(findLocale("ru", "latn", [])).toBe("ru-u-ca-gregory-nu-latn");
  expect(findLocale("ar", "latn", ["ar-SA-u-ca-islamic-nu-arab"])).toBe("ar-SA-u-ca-gregory-nu-latn");
});

test("digits follow the choice in every language", () => {
  const format = (tag: string): string => new Intl.NumberFormat(tag).format(1234);
  expect(format(findLocale("ar", "arab", []))).toBe("١٬٢٣٤");
  expect(format(findLocale("ar", "latn", []))).toBe("1,234");
  expect(format(findLocale("en", "arab", []))).toMatch(/١.?٢٣٤/);
  expect(format(findLocale("ar", "auto", ["ar-EG"]))).toBe("١٬٢٣٤");
});

test("a count is given twice: to select, and to show", () => {
  useDigits("arab");
  expect(counted(5)).toEqual({ n: 5, nt: "٥" });
  expect(formatNumber(0)).toBe("٠");
  useDigits("auto");
  expect(counted(5)).toEqual({ n: 5, nt: "5" });
});

test("sizes are in units of a thousand", () => {
  expect(formatBytes(0)).toBe("0 bytes");
  expect(formatBytes(999)).toMatch(/^999 /);
  expect(formatBytes(1500)).toBe("1.5 kB");
  expect(formatBytes(60_000_000)).toBe("60 MB");
});

test("the numbers of Arabic sentences themselves have the digits in use; names, and what is filled in, stay", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await useLanguage("ar");
  await useAllWords();
  useDigits("arab");
  expect(t.ch_handle_hint()).toContain("من ٣ إلى ٣٢ حرفًا");
  expect(t.group_grow_text()).toContain("١٬٠٠٠ جهاز");
  expect(t.hello_long()).toMatch(/^٢٬٠٤٨ بايت/);
  expect(t.view_digest()).toContain("SHA-256");
  expect(t.about_licence_text()).toContain("Apache-2.0");
  expect(t.add_question({ name: "Amina 7" })).toContain("Amina 7");
  useDigits("latn");
  expect(t.ch_handle_hint()).toContain("من 3 إلى 32 حرفًا");
  await useLanguage("en");
  useDigits("arab");
  expect(t.ch_handle_hint()).toContain("3 to 32");
  useDigits("auto");
});

test("no Arabic sentence that is filled in has a number of its own", () => {
  const inner = /\{[^{}]*, *plural|=\d/g;
  const mixed = Object.entries(readMessages("ar")).filter(
    ([, text]) => text.includes("{") && /\d/.test(text.replaceAll(inner, "")),
  );
  expect(mixed).toEqual([]);
});
