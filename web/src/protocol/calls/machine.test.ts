/** The machine of a call lives as the stories of vectors/calls/state.json say, which Python's code wrote. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/calls/state.json";
import type { Event, Member } from "./events.ts";
import { step } from "./machine.ts";
import { newState } from "./state.ts";
import { revived, shown } from "./testing.ts";

interface Life {
  readonly device: string;
  readonly me: object;
  readonly members: readonly object[];
  readonly group: boolean;
  readonly steps: readonly (readonly [ms: number, event: object | null, actions: readonly object[]])[];
}
interface Story {
  readonly name: string;
  readonly about: string;
  readonly lives: readonly Life[];
}

const START = 1_790_000_000_000;

function replay({ me, members, group, steps }: Life): void {
  const fresh = (): ReturnType<typeof newState> => newState(revived(me) as Member, revived(members) as Member[], group);
  let state = fresh();
  steps.forEach(([ms, event, expected], number) => {
    if (!event) {
      state = fresh();
      return;
    }
    const [next, actions] = step(state, revived(event) as Event, START + ms);
    state = next;
    expect(shown(actions), `step ${number}: ${JSON.stringify(event)}`).toEqual(expected);
  });
}

describe("stories", () => {
  it.each((vectors.stories as unknown as Story[]).map((one) => [one.name, one] as const))("%s", (_, { lives }) => {
    lives.forEach(replay);
  });
});
