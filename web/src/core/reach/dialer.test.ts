/** The shell of the dialer with real sessions over ways that a censor of the test closes, one after the other. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HttpReq } from "../../protocol/frames.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import { Connection } from "../shell/connection.ts";
import { Gateway } from "../testing/gateway.ts";
import { byWebSocket, endpoint, Net, ORIGIN, reachOver } from "../testing/net.ts";
import { World } from "../testing/people.ts";
import { SessionCaller } from "../transports/calls.ts";
import type { Reach } from "./dialer.ts";

const HOME = "home.example";
const BRIDGE = "bridge.example";
const WAYS = byWebSocket(ORIGIN, endpoint(BRIDGE));
const ends: (() => void)[] = [];

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => {
  for (const end of ends.splice(0)) end();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Lets faked time pass, and what runs beside it keep up. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    await vi.advanceTimersByTimeAsync(Math.min(50, left));
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function world(ways = WAYS) {
  const anna = await new World().person("Anna");
  const gateway = new Gateway(anna.world.service, anna.mailbox);
  const net = new Net(gateway);
  const made = reachOver(net, ways);
  ends.push(() => made.reach.close());
  return { gateway, net, ...made };
}

/** A session that echoes every message of the server's, and notes what happens to it. */
function session(reach: Reach, role: "R" | "S" = "R") {
  const messages: number[] = [];
  const downs: (string | undefined)[] = [];
  let begun = 0;
  const connection: Connection = new Connection(role, {
    carriers: reach,
    take(events: readonly ClientEvent[]) {
      for (const event of events) {
        if (event.event === "begin") begun += 1;
        if (event.event === "message") messages.push(event.body[0] ?? -1);
      }
    },
    pause: () => undefined,
    down: (problem) => downs.push(problem?.code),
  });
  ends.unshift(() => connection.stop());
  connection.dial();
  return { connection, messages, downs, begun: () => begun };
}

/** Both sides say `count` numbers while `ms` pass. */
async function talk(gateway: Gateway, one: ReturnType<typeof session>, count: number, ms: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    one.connection.send({ type: "Mack", upto: gateway.of("Mack").length + n });
    for (const link of gateway.links) if (link.role === "R" && link.stream) link.sayBytes(Uint8Array.of(n));
    await pass(ms / count);
  }
}

describe("a way to the server", () => {
  it("is the first that works, and nothing else is tried once it is proved", async () => {
    const { net, reach, states } = await world();
    const { connection } = session(reach);
    await pass(1_000);
    expect(connection.usable).toBe(true);
    expect(net.dialled).toEqual([HOME]);
    expect(reach.view).toMatchObject({ state: "direct", via: "" });
    expect(reach.route).toMatchObject({ candidateId: "own/wss", mode: "stream", proved: true });
    expect(states).toEqual(["waiting", "trying", "direct"]);
    expect(reach.view.tries[0]).toMatchObject({ result: "proved", chosen: true, echoBytes: 24_576 });
  });

  it.each(["dropped", "reset"] as const)("is a bridge where the origin is %s", async (weather) => {
    const { net, reach } = await world();
    net.set(HOME, weather);
    const { connection, begun } = session(reach);
    await pass(2_000);
    expect(connection.usable).toBe(true);
    expect(net.standing()).toEqual([`R ${BRIDGE}`]);
    expect(reach.view).toMatchObject({ state: "via", via: BRIDGE });
    expect(begun()).toBe(1);
  });

  it("serves the other sessions too, each with a carrier of its own", async () => {
    const { net, reach } = await world();
    net.set(HOME, "reset");
    session(reach);
    const sending = session(reach, "S");
    await pass(2_000);
    expect(sending.connection.usable).toBe(true);
    expect(net.standing()).toEqual([`R ${BRIDGE}`, `S ${BRIDGE}`]);
    sending.connection.stop();
    await pass(10);
    expect(net.standing()).toEqual([`R ${BRIDGE}`]);
  });

  it("is looked for again until one answers, and whoever waits is told meanwhile", async () => {
    const { net, reach, states } = await world();
    net.set(HOME, "reset");
    net.set(BRIDGE, "reset");
    const one = session(reach);
    await pass(25_000);
    expect(one.downs[0]).toBe("unreachable");
    expect(states).toEqual(["waiting", "trying", "waiting", "trying", "waiting"]);
    expect(net.dialled).toEqual([HOME, BRIDGE, HOME, BRIDGE]);
    net.set(BRIDGE, "open");
    one.connection.dial();
    reach.tap();
    await pass(2_000);
    expect(one.connection.usable).toBe(true);
    expect(reach.view.state).toBe("via");
  });

  it("says that the network blocks, where it works otherwise", async () => {
    const { net, reach } = await world();
    reach.setOnline(true);
    net.set(HOME, "dropped");
    net.set(BRIDGE, "reset");
    session(reach);
    await pass(15_000);
    expect(["trying", "waiting"]).toContain(reach.view.state);
    await pass(15_000);
    expect(reach.view.state).toBe("blocked");
    reach.setOnline(false);
    expect(reach.view.state).toBe("offline");
  });
});

describe("a block in the middle of talking", () => {
  it.each(["dropped", "reset"] as const)(
    "moves the session when the way is %s: nothing is lost or doubled",
    async (weather) => {
      const { net, reach, gateway } = await world();
      const one = session(reach);
      await pass(1_000);
      await talk(gateway, one, 5, 500);
      net.set(HOME, weather);
      await talk(gateway, one, 10, 6_000);
      await pass(3_000);
      expect(net.standing()).toEqual([`R ${BRIDGE}`]);
      expect(one.begun()).toBe(1);
      expect(one.downs).toEqual([]);
      expect(one.messages.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
      expect(new Set(one.messages.slice(5)).size).toBe(one.messages.length - 5);
      expect(gateway.of("Mack")).toHaveLength(15);
    },
  );

  it("leaves a silent way within five seconds", async () => {
    const { net, reach } = await world();
    const one = session(reach);
    await pass(1_000);
    net.set(HOME, "dropped");
    one.connection.send({ type: "Mack", upto: 1 });
    await pass(5_000);
    expect(one.connection.usable).toBe(true);
    expect(reach.view.via).toBe(BRIDGE);
  });

  it("moves all sessions", async () => {
    const { net, reach } = await world();
    session(reach);
    const sending = session(reach, "S");
    await pass(1_000);
    expect(net.standing()).toEqual([`R ${HOME}`, `S ${HOME}`]);
    net.set(HOME, "reset");
    await pass(3_000);
    expect(net.standing()).toEqual([`R ${BRIDGE}`, `S ${BRIDGE}`]);
    expect(sending.connection.usable).toBe(true);
  });
});

describe("connections that freeze after 16 KB", () => {
  it("go on in segments, from the start", async () => {
    const { net, reach, gateway } = await world(byWebSocket(ORIGIN));
    net.freezeBytes = 16_000;
    const one = session(reach);
    await pass(10_000);
    expect(one.connection.usable).toBe(true);
    expect(reach.view.state).toBe("slow");
    await talk(gateway, one, 100, 30_000);
    await pass(3_000);
    expect(one.messages.at(-1)).toBe(99);
    expect(one.messages).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(gateway.of("Mack")).toHaveLength(100);
    expect(one.begun()).toBe(1);
    for (const { bytes } of net.flows) expect(bytes).toBeLessThan(16_000);
  });

  it("go on in segments also where long records are on their way, of which a browser sees nothing until they are whole", async () => {
    const { net, reach, gateway } = await world(byWebSocket(ORIGIN));
    const one = session(reach);
    await pass(12_000);
    net.freezeBytes = 16_000;
    // A record of 16 KiB each: none of them passes any more.
    for (let n = 0; n < 3; n++) gateway.link("R").sayBytes(new Uint8Array(10_000).fill(n));
    one.connection.send({ type: "Mack", upto: 1 });
    await pass(15_000);
    expect(one.messages).toEqual([0, 1, 2]);
    expect(reach.view.state).toBe("slow");
    expect(one.begun()).toBe(1);
  });

  it("rotate in two sessions side by side", async () => {
    const { net, reach, gateway } = await world(byWebSocket(ORIGIN));
    net.freezeBytes = 16_000;
    const one = session(reach);
    await pass(10_000);
    const other = session(reach, "S");
    await pass(2_000);
    expect(other.connection.usable).toBe(true);
    await talk(gateway, one, 60, 30_000);
    await pass(5_000);
    expect(one.messages).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(one.connection.usable).toBe(true);
    expect(net.standing().length).toBeLessThanOrEqual(3);
  });
});

/** The gateway answers every call. */
function answering(gateway: Gateway): void {
  gateway.onS = (frame, link) => {
    const { rid } = frame as HttpReq;
    link.say({ type: "HttpRes", rid, status: 204, headers: {}, body: new Uint8Array(), more: false });
  };
}

describe("calls of the program", () => {
  it("let go first what a person wrote, where one carrier in segments is left for both", async () => {
    const { net, reach, gateway } = await world(byWebSocket(ORIGIN));
    answering(gateway);
    net.freezeBytes = 16_000;
    session(reach);
    await pass(10_000);
    expect(reach.view.state).toBe("slow");
    const caller = new SessionCaller(reach);
    ends.unshift(() => caller.close());
    for (const apart of ["a", "b", "c", "d"])
      caller.call({ method: "GET", path: "/v1/config", headers: {}, timeoutMs: 60_000, apart }).catch(() => undefined);
    await pass(200);
    const written = session(reach, "S");
    await pass(6_000);
    expect(written.connection.usable).toBe(true);
  });
});

describe("the lead", () => {
  it("goes to another session with the carrier that it has", async () => {
    const { net, reach } = await world();
    const first = session(reach, "S");
    await pass(1_000);
    const second = session(reach);
    await pass(1_000);
    const dials = net.dialled.length;
    first.connection.stop();
    await pass(1_000);
    expect(second.connection.usable).toBe(true);
    expect(net.dialled.length).toBe(dials);
    expect(net.standing()).toEqual([`R ${HOME}`]);
    net.set(HOME, "reset");
    await pass(3_000);
    expect(net.standing()).toEqual([`R ${BRIDGE}`]);
    expect(second.begun()).toBe(1);
  });

  it("begins anew where nobody else has a carrier, and rests where nobody wants one", async () => {
    const { net, reach } = await world();
    net.set(HOME, "dropped");
    net.set(BRIDGE, "dropped");
    const first = session(reach, "S");
    const second = session(reach);
    await pass(1_000);
    first.connection.stop();
    net.set(BRIDGE, "open");
    await pass(2_000);
    expect(second.connection.usable).toBe(true);
    second.connection.stop();
    await pass(60_000);
    expect(net.standing()).toEqual([]);
  });
});

describe("control calls over a way", () => {
  const call = { method: "GET", path: "/v1/config", headers: {}, timeoutMs: 20_000 };

  it("wait until it is proved, also where nothing else runs", async () => {
    const { net, reach, gateway } = await world();
    answering(gateway);
    net.set(HOME, "reset");
    const caller = new SessionCaller(reach);
    ends.unshift(() => caller.close());
    const answer = caller.call(call);
    await pass(1_000);
    expect(await answer).toMatchObject({ status: 204 });
    expect(net.standing()).toEqual([`S ${BRIDGE}`]);
    expect(reach.route?.proved).toBe(true);
    await pass(6_000);
    expect(net.standing()).toEqual([]);
  });

  it("fail at once where there is none", async () => {
    const { net, reach } = await world();
    net.set(HOME, "reset");
    net.set(BRIDGE, "reset");
    const caller = new SessionCaller(reach);
    const failed = expect(caller.call(call)).rejects.toMatchObject({ code: "unreachable" });
    await pass(2_000);
    await failed;
    ends.unshift(() => caller.close());
  });
});
