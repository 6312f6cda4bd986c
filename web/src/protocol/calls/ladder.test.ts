/** The ladder of a link lives as the stories of vectors/calls/ladder.json say, which Python's code wrote. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/calls/ladder.json";
import { isRoomNear, ladderDeadline, type LadderEvent, newLadder, stepLadder } from "./ladder.ts";
import { revived, shown } from "./testing.ts";

interface Story {
  readonly name: string;
  readonly steps: readonly (readonly [
    ms: number,
    event: object,
    actions: readonly object[],
    deadline: number | null,
  ])[];
}

const START = 1_790_000_000_000;

describe("stories", () => {
  it.each((vectors.stories as unknown as Story[]).map((one) => [one.name, one] as const))("%s", (_, { steps }) => {
    let ladder = newLadder();
    steps.forEach(([ms, event, expected, deadline], number) => {
      const [next, actions] = stepLadder(ladder, revived(event) as LadderEvent, START + ms);
      ladder = next;
      expect(shown(actions), `step ${number}: ${JSON.stringify(event)}`).toEqual(expected);
      expect(ladderDeadline(ladder), `step ${number}`).toBe(deadline === null ? null : START + deadline);
    });
  });
});

it("has the room near a second before its turn, beside a try over relays", () => {
  let [ladder] = stepLadder(newLadder(), { t: "open", available: ["A", "B", "C"], remembered: null }, START);
  const near: number[] = [];
  for (let ms = 0; ms < 4000; ms += 100) {
    [ladder] = stepLadder(ladder, { t: "tick" }, START + ms);
    if (isRoomNear(ladder, START + ms)) near.push(ms);
  }
  expect([near[0], near.length]).toEqual([2000, 10]);
});
