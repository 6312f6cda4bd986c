/** The screens of search, with their words: loaded when somebody begins to search. */
import { useWords } from "../../i18n/catalogue.ts";
import type * as SearchScreens from "./SearchScreens.ts";

type Screens = typeof SearchScreens;

class SearchParts {
  here = $state.raw<Screens>();
  failed = $state(false);
  #coming: Promise<void> | undefined;

  /** What did not come is asked for again the next time. */
  load(): void {
    this.#coming ??= this.#bring();
  }

  async #bring(): Promise<void> {
    this.failed = false;
    try {
      const [found] = await Promise.all([import("./SearchScreens.ts"), useWords("search")]);
      this.here = found;
    } catch {
      this.#coming = undefined;
      this.failed = true;
    }
  }
}

export const searchParts = new SearchParts();
