/** One thing after the other: work that must not overlap is done in the order it was asked for. */

/** A line of work. A piece that fails tells its own failure and holds up nothing. */
export class Line {
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  /** Do this when everything before it is done. failed: gets what it throws; may throw nothing itself. */
  add(work: () => Promise<unknown>, failed: (problem: unknown) => void): void {
    if (this.#ended) return;
    this.#last = this.#last.then(async () => {
      try {
        await work();
      } catch (problem) {
        failed(problem);
      }
    });
  }

  /** Take nothing more, and resolve when what was taken is done. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#last;
  }
}
