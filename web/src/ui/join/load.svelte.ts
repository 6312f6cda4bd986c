/** What a group's page shows of permissions, links and requests, with its words: loaded with the first such page. */
import { useWords } from "../../i18n/catalogue.ts";
import type * as JoinScreens from "./JoinScreens.ts";

type Screens = typeof JoinScreens;

class JoinParts {
  here = $state.raw<Screens>();
  #coming: Promise<Screens> | undefined;

  /** Rejects where they did not come; the next call asks again. */
  load(): Promise<Screens> {
    this.#coming ??= this.#bring();
    return this.#coming;
  }

  async #bring(): Promise<Screens> {
    try {
      const [found] = await Promise.all([import("./JoinScreens.ts"), useWords("joins")]);
      this.here = found;
      return found;
    } catch (problem) {
      this.#coming = undefined;
      throw problem;
    }
  }
}

export const joinParts = new JoinParts();
