/** The dialer lives as the stories of vectors/path.json say, call by call: those that Python's code wrote. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/path.json";
import { encodeText, parseText } from "../bytes.ts";
import type { Endpoint, EndpointKind } from "../reach/endpoints.ts";
import type { Action, Route } from "./actions.ts";
import type { Candidate, Mode, Strategy } from "./candidates.ts";
import { Dialer } from "./dialer.ts";
import { encodeMemory, Memory, parseMemory } from "./memory.ts";

type Shown = readonly [candidateId: string, mode: string, number: number, proved: boolean] | null;
type Step = readonly [
  at: number,
  call: string,
  args: readonly unknown[],
  actions: readonly unknown[],
  deadline: number | null,
  drawn: number,
  route: Shown,
  view: readonly [state: string, via: string, trying: number],
  tries: Readonly<Record<string, readonly unknown[]>>,
];
interface Story {
  readonly name: string;
  readonly about: string;
  readonly numbers: readonly number[];
  readonly candidates: readonly (readonly [id: string, host: string, weight: number])[];
  readonly memory: object;
  readonly steps: readonly Step[];
}
const stories = vectors.stories as unknown as readonly Story[];

const KINDS: Readonly<Record<string, EndpointKind>> = { o: "origin", f: "front", b: "bridge", p: "bridge" };

function candidateOf([id, host, weight]: Story["candidates"][number]): Candidate {
  const [name = "", strategy = ""] = id.split("/");
  const kind = KINDS[name.slice(0, 1)];
  if (!kind) throw new Error(id);
  const endpoint: Endpoint = {
    ...{ id: name, kind, host, weight, port: 443, dir: "", token: null },
    private: name.startsWith("p"),
  };
  return { id, endpoint, strategy: strategy as Strategy };
}

const shownAction = (action: Action): unknown[] => [
  action.type,
  action.attempt,
  ...(action.type === "start" ? [action.candidateId, action.mode] : []),
];
const shownRoute = (route: Route | null): Shown => route && [route.candidateId, route.mode, route.number, route.proved];

function routeOf(shown: unknown): Route {
  const [candidateId, mode, number, proved] = shown as NonNullable<Shown>;
  return { candidateId, mode: mode as Mode, number, proved };
}

/** Makes the call that a step tells of. */
function call(dialer: Dialer, all: readonly Candidate[], [at, name, args]: Step): void {
  const [first, second] = args;
  switch (name) {
    case "set_candidates": {
      const ids = first as readonly string[];
      return dialer.setCandidates(
        all.filter(({ id }) => ids.includes(id)),
        at,
      );
    }
    case "set_network":
      return dialer.setNetwork(first as string, at);
    case "set_online":
      return dialer.setOnline(first as boolean | null, at);
    case "failed": {
      const [stage, reason, status] = second as [string, string, number];
      return dialer.failed(first as number, { stage, reason, status }, at);
    }
    case "echoed":
    case "lost":
    case "stalled":
    case "slow":
      return dialer[name](first as number, second as number, at);
    case "usable":
    case "rotate":
      return dialer[name](first as number, at);
    case "route_failed":
      return dialer.routeFailed(routeOf(first), at);
    case "route_stalled":
      return dialer.routeStalled(routeOf(first), second as number, at);
    case "tap":
      dialer.tap(at);
      return;
    case "doubt":
    case "want":
    case "rest":
    case "tick":
      return dialer[name](at);
    default:
      throw new Error(name);
  }
}

/** Replays a story; the first step that differs fails, with its number. */
function replay({ numbers, candidates, steps, memory }: Story): void {
  let drawn = 0;
  const random = (): number => numbers[drawn++ % numbers.length] ?? 0;
  const all = candidates.map(candidateOf);
  const dialer = new Dialer({ random, network: "home", now: vectors.start });
  for (const [n, step] of steps.entries()) {
    const [at, name, , actions, deadline, asked, route, view, tries] = step;
    call(dialer, all, step);
    const done = dialer.pull().map(shownAction);
    const due = dialer.nextDeadline();
    const { state, via, trying, tries: shown } = dialer.view(at);
    const tried = shown.filter((one) => one.result !== "");
    const table = Object.fromEntries(
      tried.map((one) => [
        one.candidate.id,
        [one.result, one.stage, one.reason, one.mode, one.lastOk, one.echoBytes, ...(one.inOutage ? [true] : [])],
      ]),
    );
    const found = { done, drawn, route: shownRoute(dialer.route), view: [state, via, trying], table };
    const expected = { done: actions, drawn: asked, route, view, table: tries };
    expect(found, `step ${String(n)}: ${name}`).toEqual(expected);
    if (deadline === null) expect(due, `step ${String(n)}`).toBeNull();
    else expect(due, `step ${String(n)}`).toBeCloseTo(deadline, 3);
  }
  const stored = parseMemory(encodeText(JSON.stringify(memory)));
  expect(stored.networks.size).toBeGreaterThan(0);
  expect(dialer.memory).toEqual(stored);
  expect(parseMemory(encodeMemory(dialer.memory))).toEqual(stored);
}

describe("the dialer", () => {
  it.each(stories.map((story) => ({ name: story.name, story })))("$name", ({ story }) => {
    expect(story.steps.length).toBeGreaterThan(5);
    replay(story);
  });

  it("has stories to replay", () => {
    expect(stories.length).toBeGreaterThan(20);
  });
});

describe("memory", () => {
  it.each([
    "",
    "5",
    "{}",
    "[]",
    '{"networks":5}',
    '{"networks":{"a":5}}',
    '{"networks":{"a":{"used_at":"x"}}}',
    '{"networks":{"a":{"private":[1]}}}',
    '{"networks":{"a":{"known":{"b":{"marks":null}}}}}',
    '{"networks":{"a":{"rung":5}}}',
    '{"networks":{"a":{"rung_at":"x"}}}',
  ])("takes %s for nothing", (text) => {
    expect(parseMemory(encodeText(text))).toEqual(new Memory());
  });

  it("keeps what carried a call for a month, and for its network", () => {
    const [memory, now] = [new Memory(), 1_790_000_000];
    const home = memory.network("home", now);
    expect(home.findRung(now)).toBeNull();
    home.keepRung("C", now);
    home.keepRung("B", now + 1);
    home.doubt();
    expect(memory.network("inn", now + 1).findRung(now + 1)).toBeNull();
    const again = parseMemory(encodeMemory(memory)).networks.get("home");
    const month = 30 * 86_400;
    expect([0, month - 1, month].map((later) => again?.findRung(now + 1 + later))).toEqual(["B", "B", null]);
    home.rung = "no such rung";
    expect(home.findRung(now + 1)).toBeNull();
    // As Python writes it.
    const theirs = parseMemory(encodeText(`{"networks":{"a":{"rung":"C","rung_at":${now}.5}}}`));
    expect(theirs.networks.get("a")?.findRung(now + 1)).toBe("C");
  });

  it("keeps 32 networks of 8 candidates for 30 days, and drops the least recently used", () => {
    const memory = new Memory();
    for (let n = 0; n < 40; n += 1) {
      const network = memory.network(`n${String(n)}`, 1000 + n);
      for (let m = 0; m < 10; m += 1) network.keep(`c${String(m)}`).won_at = 1000 + n + m;
    }
    expect(memory.networks.size).toBe(32);
    expect([...memory.networks.keys()][0]).toBe("n8");
    expect(memory.networks.get("n39")?.winners()).toEqual(["c9", "c8", "c7", "c6", "c5", "c4", "c3", "c2"]);
    memory.network("now", 1020 + 30 * 86_400);
    expect([...memory.networks.keys()][0]).toBe("n21");
    expect(parseText(encodeMemory(new Memory()))).toBe('{"networks":{}}');
  });
});
