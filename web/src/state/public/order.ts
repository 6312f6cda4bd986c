/**
 * Which posts events told of, and in what order. An event shows its post as it stands when it is fetched, and each change
 * has its event; the answer of a call that began before the event came may be older, and must not take its place.
 */
export class EventOrder {
  #count = 0;
  readonly #last = new Map<string, number>();

  /** How many events came so far: noted when a call begins. */
  get now(): number {
    return this.#count;
  }

  /** An event of this post, or of the channel with this id. */
  hear(id: string): void {
    this.#count += 1;
    this.#last.set(id, this.#count);
  }

  /** Whether one came after `since`, a `now` of before. */
  isHeard(id: string, since: number): boolean {
    return (this.#last.get(id) ?? 0) > since;
  }

  heardSince(since: number): readonly string[] {
    return [...this.#last].filter(([, at]) => at > since).map(([id]) => id);
  }
}
