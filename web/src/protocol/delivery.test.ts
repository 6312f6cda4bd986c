/** Mailbox and outbox replay every story of vectors/mailbox and vectors/outbox, which Python made. */
import { describe, expect, it } from "vitest";
import * as intake from "./mailbox/intake.ts";
import * as receiving from "./mailbox/receiving.ts";
import * as items from "./outbox/items.ts";
import { nextMark, type MarkEvent, type MarkState } from "./outbox/marks.ts";
import * as order from "./outbox/order.ts";
import * as sending from "./outbox/sending.ts";

interface Story {
  readonly about: string;
  readonly machine: string;
  readonly start: unknown;
  readonly steps: readonly {
    readonly at: number;
    readonly event: { readonly type: string };
    readonly actions: readonly unknown[];
    readonly deadline: number | null;
    readonly from?: unknown;
    readonly to?: unknown;
  }[];
  readonly end: unknown;
}

type Step = (state: never, event: never, now: number) => readonly [unknown, readonly unknown[], number | null];

const MACHINES: Readonly<Record<string, Step>> = {
  receiving: receiving.step,
  intake: intake.step,
  items: items.step,
  order: order.step,
  sending: sending.step,
  marks: (state: MarkState, event: { type: MarkEvent }) => [nextMark(state, event.type), [], null],
};

const FILES = import.meta.glob<Story>("../../../vectors/{mailbox,outbox}/*.json", { eager: true, import: "default" });

const stepOf = (machine: string): Step => {
  const step = MACHINES[machine];
  if (!step) throw new Error(`no machine ${machine}`);
  return step;
};

describe("stories", () => {
  it("are all here", () => {
    const of = (folder: string) => Object.keys(FILES).filter((path) => path.includes(`/${folder}/`)).length;
    expect(of("mailbox")).toBeGreaterThanOrEqual(40);
    expect(of("outbox")).toBeGreaterThanOrEqual(40);
    expect(new Set(Object.values(FILES).map(({ machine }) => machine))).toEqual(new Set(Object.keys(MACHINES)));
  });

  it.each(Object.entries(FILES))("%s", (_, story) => {
    const step = stepOf(story.machine);
    let state = story.start;
    for (const told of story.steps) {
      const before = "from" in told ? told.from : state;
      const [next, actions, deadline] = step(before as never, told.event as never, told.at);
      expect({ event: told.event, actions, deadline }).toEqual({
        event: told.event,
        actions: told.actions,
        deadline: told.deadline,
      });
      if ("to" in told) expect(next).toEqual(told.to);
      state = next;
    }
    expect(state).toEqual(story.end);
  });
});

describe("coverage", () => {
  it("reaches every row of the table of items", () => {
    const reached = new Set<items.Row>();
    for (const story of Object.values(FILES).filter(({ machine }) => machine === "items")) {
      let state = story.start as items.Item;
      for (const told of story.steps) {
        const before = ("from" in told ? told.from : state) as items.Item;
        const row = items.findRow(before, told.event as items.Event, told.at);
        if (row) reached.add(row);
        state = items.step(before, told.event as items.Event, told.at)[0];
      }
    }
    expect(items.ROWS.filter((row) => !reached.has(row))).toEqual([]);
  });
});

describe("a batch", () => {
  it("that was never given out cannot be answered", () => {
    const stored = { type: "stored", upto: 1, holding: false } as const;
    expect(() => receiving.step(receiving.IDLE, stored, 0)).toThrow("wrong-call");
  });
});
