/** Which attempt a network is remembered by: the stories of tests/protocol/test_calls_winner.py. */
import { describe, expect, it } from "vitest";
import { type Ladder, type LadderEvent, type LinkKind, newLadder, stepLadder } from "./ladder.ts";
import { Winner } from "./winner.ts";

/** One link, and what would be remembered of it. */
class Life {
  readonly winner = new Winner();
  readonly started: LinkKind[] = [];
  readonly won: [number, LinkKind][] = [];
  #ladder: Ladder = newLadder();

  constructor(available: readonly LinkKind[], remembered: LinkKind | null = null) {
    this.tell(0, { t: "open", available, remembered });
  }

  /** At this time, also that it passed. */
  tell(now: number, event: LadderEvent = { t: "tick" }): void {
    const [next, actions] = stepLadder(this.#ladder, event, now);
    this.#ladder = next;
    for (const action of actions) if (action.t === "start") this.started.push(action.kind);
    const kind = this.winner.watch(next, now);
    if (kind) this.won.push([now, kind]);
  }
}

describe("what carries", () => {
  it("is told once it has done so for three seconds, and once alone", () => {
    const life = new Life(["A", "B"]);
    life.tell(500, { t: "got", attempt: 1 });
    for (let now = 600; now < 9_000; now += 100) life.tell(now);
    expect(life.won).toEqual([[3_500, "A"]]);
  });

  it("starts first where it was remembered", () => {
    const life = new Life(["A", "B", "C"], "B");
    for (const now of [100, 1_500, 3_000]) life.tell(now);
    expect(life.started).toEqual(["B", "A", "C"]);
  });

  it("is no winner if it is lost before, and begins anew when it comes back", () => {
    const life = new Life(["A"]);
    life.tell(500, { t: "got", attempt: 1 });
    life.tell(3_400, { t: "lost", attempt: 1 });
    life.tell(3_600);
    life.tell(4_000, { t: "got", attempt: 1 });
    life.tell(6_900);
    expect(life.won).toEqual([]);
    life.tell(7_000);
    expect(life.won).toEqual([[7_000, "A"]]);
  });

  it("has to show itself anew in another network", () => {
    const life = new Life(["A"]);
    life.tell(500, { t: "got", attempt: 1 });
    life.tell(3_500);
    life.winner.move();
    life.tell(5_000, { t: "moved", available: ["A"], remembered: null });
    life.tell(7_900);
    expect(life.won).toEqual([[3_500, "A"]]);
    life.tell(8_000);
    expect(life.won).toEqual([
      [3_500, "A"],
      [8_000, "A"],
    ]);
  });
});
