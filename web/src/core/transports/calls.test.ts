/** Control calls over sessions, against a server in memory that answers, keeps silent, cuts and forgets. */
import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HttpReq, RFromClient, SFromClient } from "../../protocol/frames.ts";
import { HTTP_BODY_BYTES, MESSAGE_BYTES } from "../../protocol/limits.ts";
import { Gateway, type Link } from "../testing/gateway.ts";
import { World } from "../testing/people.ts";
import type { Call } from "./base.ts";
import { IDLE_MS, SessionCaller } from "./calls.ts";

const callers: SessionCaller[] = [];
afterEach(() => {
  for (const caller of callers.splice(0)) caller.close();
  vi.useRealTimers();
});

interface Asked {
  readonly request: HttpReq;
  readonly link: Link;
}

async function made(answer: (asked: Asked) => void) {
  const anna = await new World().person("Anna");
  const gateway = new Gateway(anna.world.service, anna.mailbox);
  const take = (request: RFromClient | SFromClient, link: Link): void => {
    if (request.type === "HttpReq") answer({ request, link });
  };
  gateway.onR = take;
  gateway.onS = take;
  const caller = new SessionCaller(gateway.carriers);
  callers.push(caller);
  return { gateway, caller };
}

const call = (more: Partial<Call> = {}): Call => ({
  method: "GET",
  path: "/v1/config",
  headers: {},
  timeoutMs: 5_000,
  ...more,
});
const say = ({ request, link }: Asked, status: number, body: Uint8Array, more = false): void =>
  link.say({ type: "HttpRes", rid: request.rid, status, headers: {}, body, more });
const text = (answer: { readonly body: Uint8Array }): string => new TextDecoder().decode(answer.body);

describe("control calls over sessions", () => {
  it("go over S, those of a device over R of a session of its own, and never mixed", async () => {
    const { gateway, caller } = await made((asked) => {
      const { headers, path } = asked.request;
      say(asked, 200, new TextEncoder().encode(`${asked.link.role} ${path} ${headers["Authorization"] ?? "-"}`));
    });
    const mine = { headers: { Authorization: "Device one" } };
    const answers = await Promise.all([
      caller.call(call()),
      caller.call(call(mine)),
      caller.call(call({ path: "/v1/passes", headers: { Authorization: "Contact x" } })),
      caller.call(call({ headers: { Authorization: "Device two" } })),
    ]);
    expect(answers.map(text)).toEqual([
      "S /v1/config -",
      "R /v1/config Device one",
      "S /v1/passes Contact x",
      "R /v1/config Device two",
    ]);
    expect([...gateway.links].map(({ role }) => role).sort()).toEqual(["R", "R", "S"]);
    await caller.call(call(mine));
    expect(gateway.dials).toBe(3);
    expect(gateway.of("Hello")).toEqual([]);
  });

  it("keep calls apart that are to stay apart: each kind has a session S of its own", async () => {
    const { gateway, caller } = await made((asked) => say(asked, 200, new TextEncoder().encode(asked.link.role)));
    const answers = await Promise.all([
      caller.call(call()),
      caller.call(call({ apart: "public 0" })),
      caller.call(call({ apart: "public 0", headers: { Authorization: "Bearer x" } })),
      caller.call(call({ apart: "public 1" })),
    ]);
    expect(answers.map(text)).toEqual(["S", "S", "S", "S"]);
    expect(gateway.links.size).toBe(3);
    expect(gateway.dials).toBe(3);
  });

  it("put parts together, whatever comes between them", async () => {
    const waiting: Asked[] = [];
    const { caller } = await made((asked) => {
      waiting.push(asked);
      if (waiting.length < 2) return;
      for (const [n, one] of waiting.entries()) say(one, 200, Uint8Array.of(n), true);
      for (const [n, one] of waiting.entries()) say(one, 200, Uint8Array.of(n + 10));
    });
    const [first, second] = await Promise.all([caller.call(call()), caller.call(call({ path: "/v1/other" }))]);
    expect([[...first.body], [...second.body]]).toEqual([
      [0, 10],
      [1, 11],
    ]);
  });

  it("send their body, and refuse one that is too long", async () => {
    const { caller, gateway } = await made((asked) => say(asked, 200, asked.request.body));
    expect(text(await caller.call(call({ method: "POST", body: "سلام" })))).toBe("سلام");
    const long = caller.call(call({ body: new Uint8Array(HTTP_BODY_BYTES + 1) }));
    await expect(long).rejects.toMatchObject({ code: "too-big" });
    expect(gateway.heard).toHaveLength(1);
  });

  it("close their session after five seconds without a call", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { caller, gateway } = await made((asked) => say(asked, 200, new Uint8Array()));
    await caller.call(call());
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    expect(gateway.links.size).toBe(1);
    await caller.call(call());
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    expect(gateway.links.size).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.links.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    await caller.call(call());
    expect(gateway.dials).toBe(2);
  });

  it.each<[string, (asked: Asked) => void, object]>([
    ["no answer in time", () => undefined, { code: "unreachable", reason: "timeout" }],
    ["a cut", ({ link }) => link.cut(), { code: "unreachable", reason: "closed" }],
    [
      "the end of the session",
      ({ link }) => link.tell({ type: "Close", code: "restarting", retry_ms: 0 }),
      { code: "unreachable" },
    ],
    ["bytes that are no frame", ({ link }) => link.sayBytes(Uint8Array.of(0xc1)), { code: "protocol" }],
    [
      "an endless answer",
      (asked) => {
        for (let n = 0; n <= MESSAGE_BYTES / HTTP_BODY_BYTES; n++)
          say(asked, 200, new Uint8Array(HTTP_BODY_BYTES), true);
      },
      { code: "protocol" },
    ],
  ])("fail with %s", async (name, misbehave, problem) => {
    const { caller } = await made(misbehave);
    const timeoutMs = name === "no answer in time" ? 50 : 5_000;
    await expect(caller.call(call({ timeoutMs }))).rejects.toMatchObject(problem);
  });

  it("are given up by their signal, and a late answer harms nobody", async () => {
    const asked: Asked[] = [];
    const { caller } = await made((one) => void asked.push(one));
    const stop = new AbortController();
    const given = caller.call(call({ signal: stop.signal }));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    stop.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    const next = caller.call(call());
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    for (const one of asked) say(one, 200, new Uint8Array());
    expect((await next).status).toBe(200);
    await expect(caller.call(call({ signal: stop.signal }))).rejects.toThrow("enough");
  });

  it("fail where no carrier can be had", async () => {
    const { caller, gateway } = await made(() => undefined);
    gateway.away = true;
    await expect(caller.call(call())).rejects.toMatchObject({ code: "unreachable" });
  });
});
