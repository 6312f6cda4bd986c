/** Which way a control call takes, and how it finds one before there is any. */
import { describe, expect, it, vi } from "vitest";
import type { Route } from "../../protocol/path/actions.ts";
import type { Candidate } from "../../protocol/path/candidates.ts";
import { endpoint, ORIGIN } from "../testing/net.ts";
import { type Answer, type Call, type Caller, DialError } from "../transports/base.ts";
import { RouteCaller } from "./caller.ts";
import type { Reach } from "./dialer.ts";

const call = (more: Partial<Call> = {}): Call => ({
  method: "GET",
  path: "/v1/config",
  headers: {},
  timeoutMs: 1_000,
  ...more,
});
const answer = (status: number): Answer => ({ status, body: new Uint8Array() });
const says =
  (status: number): Caller["call"] =>
  () =>
    Promise.resolve(answer(status));
const fails: Caller["call"] = () => Promise.reject(new DialError("http", "unreachable"));
const hangs: Caller["call"] = () => new Promise(() => undefined);

/** What the caller asks of a `Reach`, as a test sets it. */
class Ways {
  route: Route | null = null;
  chosen: Candidate | undefined;
  wanted = false;
  isOrigin = true;
  taps = 0;
  settled = (): Promise<void> => Promise.resolve();
  tap = (): void => void (this.taps += 1);

  found(one: typeof ORIGIN, mode: Route["mode"] = "stream"): this {
    this.chosen = { id: `${one.id}/wss`, endpoint: one, strategy: "wss" };
    this.route = { candidateId: this.chosen.id, mode, number: 1, proved: true };
    return this;
  }
}
const callerOver = (ways: Ways, direct: Caller["call"], sessions: Caller["call"]): RouteCaller =>
  new RouteCaller(ways as unknown as Reach, {
    direct: { call: direct },
    isOrigin: () => ways.isOrigin,
    sessions: { call: sessions },
  });

describe("a control call", () => {
  it.each([
    ["the server itself", new Ways().found(ORIGIN), 1],
    ["the server itself in segments", new Ways().found(ORIGIN, "segmented"), 2],
    ["another name of the server", new Ways().found(endpoint("other.example", { kind: "origin" })), 2],
    ["a bridge", new Ways().found(endpoint("bridge.example")), 2],
  ])("over %s", async (_, ways, status) => {
    ways.wanted = true;
    expect(await callerOver(ways, says(1), says(2)).call(call())).toEqual(answer(status));
    expect(ways.taps).toBe(0);
  });

  it("waits for the race that runs, and asks for one now where none does", async () => {
    const ways = new Ways();
    ways.wanted = true;
    ways.settled = () => {
      ways.found(endpoint("bridge.example"));
      return Promise.resolve();
    };
    expect(await callerOver(ways, fails, says(2)).call(call())).toEqual(answer(2));
    expect(ways.taps).toBe(1);
    const never = new Ways();
    never.wanted = true;
    never.settled = () => new Promise(() => undefined);
    const late = callerOver(never, fails, fails).call(call({ timeoutMs: 1 }));
    await expect(late).rejects.toMatchObject({ reason: "timeout" });
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(callerOver(never, fails, fails).call(call({ signal: stop }))).rejects.toThrow("enough");
  });
});

describe("the first call of all", () => {
  it("goes to the server itself", async () => {
    expect(await callerOver(new Ways(), says(1), fails).call(call())).toEqual(answer(1));
    expect(await callerOver(new Ways(), says(1), fails).call(call({ method: "POST" }))).toEqual(answer(1));
  });

  it("goes over sessions where the page's own address is a front", async () => {
    const front = Object.assign(new Ways(), { isOrigin: false });
    expect(await callerOver(front, says(1), says(2)).call(call())).toEqual(answer(2));
  });

  it("looks for another way where nobody answers, and remembers that", async () => {
    const caller = callerOver(new Ways(), fails, says(2));
    await expect(callerOver(new Ways(), fails, says(2)).call(call({ method: "POST" }))).rejects.toThrow("unreachable");
    expect(await caller.call(call())).toEqual(answer(2));
    expect(await caller.call(call({ method: "POST" }))).toEqual(answer(2));
  });

  it("is hedged after three seconds of silence: whoever answers first counts", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const sessions = vi.fn(says(2));
    const silent = callerOver(new Ways(), hangs, sessions).call(call());
    await vi.advanceTimersByTimeAsync(2_999);
    expect(sessions).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await silent).toEqual(answer(2));
    const slow = (): Promise<Answer> => new Promise((resolve) => setTimeout(() => resolve(answer(1)), 5_000));
    const late = callerOver(new Ways(), slow, fails).call(call());
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await late).toEqual(answer(1));
    vi.useRealTimers();
  });

  it("fails where neither way answers", async () => {
    await expect(callerOver(new Ways(), fails, fails).call(call())).rejects.toMatchObject({ code: "unreachable" });
  });
});
