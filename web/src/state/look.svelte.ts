/** Theme, language, digits and text size of this browser: kept by the browser, applied before first paint by boot.js. */
import { LANGUAGES, type Language, language, useLanguage } from "../i18n/catalogue.ts";
import { DIGITS, type Digits, digits, useDigits } from "../i18n/number.ts";
import { browser } from "./host.ts";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];
/** Percent. */
export const TEXT_SIZES: readonly number[] = [85, 100, 115, 130, 150];

function one<T extends string>(of: readonly T[], value: string | undefined, otherwise: T): T {
  return of.find((entry) => entry === value) ?? otherwise;
}

class Look {
  #theme = $state<Theme>("auto");
  #textSize = $state(100);

  get theme(): Theme {
    return this.#theme;
  }

  get textSize(): number {
    return this.#textSize;
  }

  get language(): Language {
    return language();
  }

  get digits(): Digits {
    return digits();
  }

  /** Read what is kept; another tab's change comes in too. */
  start(): void {
    this.#read();
    browser().onPreference(() => {
      this.#read();
      const kept = LANGUAGES.find((entry) => entry === browser().readPreference("language"));
      if (kept && kept !== language()) void useLanguage(kept);
    });
  }

  #read(): void {
    this.#theme = one(THEMES, browser().readPreference("theme"), "auto");
    const size = Number(browser().readPreference("text-size"));
    this.#textSize = TEXT_SIZES.includes(size) ? size : 100;
    useDigits(one(DIGITS, browser().readPreference("digits"), "auto"));
    this.#apply();
  }

  #apply(): void {
    const root = document.documentElement;
    if (this.#theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = this.#theme;
    root.style.setProperty("--text-scale", String(this.#textSize / 100));
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    browser().writePreference("theme", theme);
    this.#apply();
  }

  setTextSize(percent: number): void {
    this.#textSize = percent;
    browser().writePreference("text-size", String(percent));
    this.#apply();
  }

  async setLanguage(next: Language): Promise<void> {
    browser().writePreference("language", next);
    await useLanguage(next);
  }

  setDigits(next: Digits): void {
    browser().writePreference("digits", next);
    useDigits(next);
  }
}

export const look = new Look();
