/** The ladder of a link lives as the stories of vectors/calls/ladder.json say, which Python's code wrote. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/calls/ladder.json";
import { ladderDeadline, type LadderEvent, newLadder, stepLadder } from "./ladder.ts";
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
