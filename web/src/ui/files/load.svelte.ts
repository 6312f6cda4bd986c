/** The parts that show, choose, record and play files, with their words: loaded with the first file or press. */
import { useWords } from "../../i18n/catalogue.ts";
import type * as FileScreens from "./FileScreens.ts";

type Screens = typeof FileScreens;

class FileParts {
  here = $state.raw<Screens>();
  failed = $state(false);
  #coming: Promise<Screens> | undefined;

  /** Rejects where they did not come; the next call asks again. */
  load(): Promise<Screens> {
    this.#coming ??= this.#bring();
    return this.#coming;
  }

  async #bring(): Promise<Screens> {
    this.failed = false;
    try {
      const [found] = await Promise.all([import("./FileScreens.ts"), useWords("files")]);
      this.here = found;
      return found;
    } catch (problem) {
      this.#coming = undefined;
      this.failed = true;
      throw problem;
    }
  }
}

export const fileParts = new FileParts();
