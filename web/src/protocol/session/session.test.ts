/** The client's session lives as the stories of vectors/session say, step by step: those that Python's code wrote. */
import { describe, expect, it } from "vitest";
import { encodeHex, parseHex } from "../bytes.ts";
import { pad, unpad } from "../records.ts";
import { ClientSession } from "./client.ts";
import type { ClientEvent } from "./events.ts";

type ShownRecord = readonly [size: number, frame: string];
interface Step {
  readonly at: number;
  readonly do: "open" | "send" | "feed" | "tick" | "lost" | "close" | "prove";
  readonly body?: string;
  readonly carrier?: number;
  readonly segmented?: boolean;
  readonly record?: ShownRecord;
  readonly events: readonly object[];
  readonly records: readonly ShownRecord[];
  readonly next: number | null;
  readonly usable: boolean;
  readonly queued: number;
  readonly moved: readonly [rx: number, tx: number];
  readonly rate: number;
}
interface Story {
  readonly about: string;
  readonly frag: number;
  readonly steps: readonly Step[];
}

const files = import.meta.glob<Story>("../../../../vectors/session/*.json", { eager: true, import: "default" });

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
function shownEvent(event: ClientEvent): object {
  if (event.event === "message") return { ...event, body: encodeHex(event.body) };
  if (event.event === "echoed") return { ...event, elapsed_s: rounded(event.elapsed_s, 6) };
  return event.event === "slow" ? { ...event, bytes_s: rounded(event.bytes_s, 6) } : event;
}
const shownRecord = (record: Uint8Array): ShownRecord => [record.length, encodeHex(unpad(record))];

/** Replays a story; the first step that differs fails, with its number. */
function replay({ frag, steps }: Story): void {
  const session = new ClientSession("R", frag);
  let current = 0;
  for (const [n, step] of steps.entries()) {
    let events: readonly ClientEvent[] = [];
    const carrier = step.carrier ?? current;
    switch (step.do) {
      case "open": {
        const opened = session.openCarrier(step.at, { segmented: step.segmented });
        current = opened.carrier;
        events = opened.events;
        break;
      }
      case "send":
        session.send(parseHex(step.body ?? ""));
        break;
      case "feed": {
        const [size, frame] = step.record ?? [0, ""];
        events = session.feed(carrier, pad(parseHex(frame), size), step.at);
        break;
      }
      case "tick":
        events = session.tick(step.at);
        break;
      case "lost":
        session.lost(carrier);
        break;
      case "prove":
        session.prove(step.at);
        break;
      case "close":
        events = session.close();
    }
    const records = session.pull(step.do === "feed" ? carrier : current, step.at).map(shownRecord);
    const found = {
      events: events.map(shownEvent),
      records,
      usable: session.usable,
      queued: session.queuedBytes,
      moved: [session.rxBytes, session.txBytes],
      rate: rounded(session.rateBytesS, 3),
    };
    const { events: expected, records: sent, usable, queued, moved, rate } = step;
    const told = { events: expected, records: sent, usable, queued, moved, rate };
    expect(found, `step ${String(n)}: ${step.do}`).toEqual(told);
    const next = session.nextDeadline();
    if (step.next === null) expect(next, `step ${String(n)}`).toBeNull();
    else expect(next, `step ${String(n)}`).toBeCloseTo(step.next, 6);
  }
}

describe("sessions", () => {
  it.each(Object.entries(files).map(([path, story]) => ({ name: path.split("/").at(-1) ?? "", story })))(
    "$name",
    ({ story }) => {
      expect(story.steps.length).toBeGreaterThan(2);
      replay(story);
    },
  );

  it("has stories to replay", () => {
    expect(Object.keys(files).length).toBeGreaterThan(20);
  });
});
