/**
 * The shell against a server in memory that misbehaves: frames out of place, silence, cuts, refusals, a full disk, an old
 * copy, a revoked device, a later protocol. Nothing acknowledged is lost, nothing goes out twice under another mid.
 */
import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeHex, parseHex } from "../../protocol/bytes.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import type { Value } from "../../protocol/cbor.ts";
import type { Eph, Send } from "../../protocol/frames.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import { Gateway } from "../testing/gateway.ts";
import { type Person, World } from "../testing/people.ts";
import { TestNetwork } from "../testing/clients.ts";
import { DialError } from "../transports/base.ts";
import { Calls } from "./calls.ts";
import { Tokens } from "./login.ts";
import { Runner } from "./runner.ts";

const noServer = new Calls({ call: () => Promise.reject(new DialError("http", "unreachable")) });
const running: Runner[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.close()));
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface Running {
  readonly gateway: Gateway;
  readonly runner: Runner;
  readonly problems: string[];
  readonly states: string[];
  readonly versions: number[];
  readonly network: TestNetwork;
}

/** A person whose device runs from now on, over a gateway in front of the world's service. */
async function run(who: Person, prepare: (gateway: Gateway) => void = () => undefined): Promise<Running> {
  await who.core.step("token", async (step) => {
    await step.changeSession({ token: "A".repeat(43), token_expires: 2 ** 40 });
  });
  const gateway = new Gateway(who.world.service, who.mailbox);
  prepare(gateway);
  const problems: string[] = [];
  const states: string[] = [];
  const versions: number[] = [];
  const network = new TestNetwork();
  const runner = new Runner(who.core, noServer, new Tokens(who.core, noServer), {
    carriers: gateway.carriers,
    session({ connected, locked }) {
      const state = connected ? "connected" : locked ? "locked" : "apart";
      if (state !== states.at(-1)) states.push(state);
    },
    serverClock: () => undefined,
    minClient: (version) => versions.push(version),
    problem: (problem) => problems.push(problem instanceof ZajilError ? problem.code : String(problem)),
    network,
  });
  running.push(runner);
  runner.start();
  return { gateway, runner, problems, states, versions, network };
}

const until = (holds: () => boolean | Promise<boolean>): Promise<void> =>
  vi.waitFor(
    async () => {
      if (!(await holds())) throw new Error("not yet");
    },
    { timeout: 30_000, interval: 5 },
  );

async function pair(): Promise<{ anna: Person; omar: Person; gid: string }> {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  return { anna, omar, gid };
}

const say = (who: Person, gid: string, text: string): Promise<string> =>
  who.core.step("say", (step) => messages.submitText(step, gid, text));

describe("receiving", () => {
  it("stores, then acknowledges, in order", async () => {
    const { anna, omar, gid } = await pair();
    omar.away = true;
    for (const text of ["a", "b", "c"]) await say(anna, gid, text);
    await anna.world.settle();
    const { gateway } = await run(omar);
    await until(() => omar.mailbox.queue.length === 0);
    expect(await omar.texts(gid)).toEqual(["a", "b", "c"]);
    const last = gateway.of("Mack").at(-1)?.upto ?? 0;
    expect(last).toBe((await omar.core.position()).after);
  });

  it("takes signals that come together in one step, and none before what came between", async () => {
    const { anna, omar, gid } = await pair();
    const { gateway } = await run(omar);
    await until(async () => (await omar.core.look((look) => look.session())).drained > 0);
    const seals = async (from: number): Promise<Eph[]> => {
      const sealed: Eph[] = [];
      for (let pc = from; pc < from + 5; pc += 1) {
        const fields = new Map<string, Value>([
          ["v", 1],
          ["t", "got"],
          ["c", new Uint8Array(16)],
          ["to", 2],
          ["pc", pc],
        ]);
        const request = await anna.core.sealSignal(gid, fields, { ttlS: 0, wake: false });
        if (!request) throw new Error("not sealed");
        const { epoch } = await anna.chat(gid);
        sealed.push({ type: "Eph", gid: request.gid, epoch, ts: anna.world.time, body: request.body });
      }
      return sealed;
    };
    const told: (string | Value | undefined)[] = [];
    omar.core.onCall = (news) => "fields" in news && told.push(news.fields.get("pc"));
    const step = vi.spyOn(omar.core, "step");
    const steps = (): string[] =>
      step.mock.calls.map(([name]) => name).filter((name) => /^(ephemeral|keys-low)$/.test(name));
    for (const eph of await seals(1)) gateway.link("R").say(eph);
    await until(() => told.length === 5);
    expect(told).toEqual([1, 2, 3, 4, 5]);
    expect(steps(), "one transaction for five").toEqual(["ephemeral"]);

    step.mockClear();
    const [before, after] = [await seals(6), await seals(11)];
    for (const eph of before) gateway.link("R").say(eph);
    gateway.link("R").say({ type: "KeysLow", suite: 4, left: 1 });
    for (const eph of after) gateway.link("R").say(eph);
    await until(() => told.length === 15);
    expect(steps()).toEqual(["ephemeral", "keys-low", "ephemeral"]);
  });

  it.each([
    ["an unknown tag", (gateway: Gateway) => gateway.link("R").sayBytes(parseHex("9163"))],
    ["bytes that are none", (gateway: Gateway) => gateway.link("R").sayBytes(parseHex("c1ff"))],
    [
      "a frame of S",
      (gateway: Gateway) => gateway.link("R").say({ type: "Ok", rid: 1, epoch: 1, ts: 1, frank: null, dup: false }),
    ],
    [
      "READY twice",
      (gateway: Gateway) =>
        gateway.link("R").say({ type: "Ready", now: 1, head: 0, queued: 0, list_seq: 1, min_client: 0, acked: 0 }),
    ],
    ["DRAINED twice", (gateway: Gateway) => gateway.link("R").say({ type: "Drained", seq: 1 })],
    [
      "a session frame out of place",
      (gateway: Gateway) =>
        gateway.link("R").tell({ type: "Open", version: 1, resume: null, rx: 0, frag: 65536, serial: 1 }),
    ],
  ])("%s opens the connection anew, and what comes then is taken", async (_, misbehave) => {
    const { anna, omar, gid } = await pair();
    omar.away = true;
    const { gateway, runner } = await run(omar);
    await until(() => gateway.of("Mack").length > 0 || gateway.of("Hello").length > 0);
    await until(async () => (await omar.core.look((look) => look.session())).drained > 0 && gateway.links.size > 0);
    await until(() => omar.mailbox.queue.length === 0);
    const dials = gateway.dials;
    misbehave(gateway);
    await until(() => {
      runner.reconnect();
      return gateway.dials > dials && gateway.links.size > 0;
    });
    await say(anna, gid, "after all");
    await anna.world.settle();
    await until(() => {
      if (gateway.links.size > 0 && omar.mailbox.queue.length > 0) gateway.push();
      return omar.mailbox.queue.length === 0;
    });
    expect(await omar.texts(gid)).toEqual(["after all"]);
  });

  it("a full disk acknowledges nothing, says so, and takes all of it once there is room", async () => {
    const { anna, omar, gid } = await pair();
    omar.away = true;
    await say(anna, gid, "kept");
    await anna.world.settle();
    const { core } = omar;
    const real = core.takeMessages.bind(core);
    let full = true;
    core.takeMessages = (batch) => (full ? Promise.reject(error("storage-full")) : real(batch));
    const { gateway, runner, problems } = await run(omar);
    await until(() => problems.includes("storage-full"));
    expect(gateway.of("Mack")).toEqual([]);
    expect(omar.mailbox.queue.length).toBeGreaterThan(0);
    full = false;
    await until(() => {
      runner.reconnect();
      return omar.mailbox.queue.length === 0;
    });
    expect(await omar.texts(gid)).toEqual(["kept"]);
  });

  it("a cut in the middle of a drain goes on where it was, and a server that forgot the session is told HELLO again", async () => {
    const { anna, omar, gid } = await pair();
    omar.away = true;
    for (let n = 0; n < 10; n++) await say(anna, gid, String(n));
    await anna.world.settle();
    const { gateway, runner } = await run(omar, (made) => {
      made.onR = (frame, link) => {
        made.answerR(frame, link);
        if (made.of("Hello").length !== 1) return;
        link.cut();
        made.sessions.clear();
      };
    });
    await until(() => {
      runner.reconnect();
      return omar.mailbox.queue.length === 0;
    });
    expect(await omar.texts(gid)).toEqual([..."0123456789"]);
    expect(gateway.of("Hello").length).toBeGreaterThan(1);
  });

  it("an old copy of the store is told once, and neither receives nor sends any more", async () => {
    const { anna, omar, gid } = await pair();
    omar.away = true;
    await say(omar, gid, "from the past");
    await omar.restart();
    const { gateway, problems, states, runner } = await run(omar, (made) => (made.ready = { acked: 1_000_000 }));
    await until(() => problems.includes("state-rolled-back"));
    await until(() => gateway.links.size === 0);
    runner.reconnect();
    runner.wake();
    await anna.world.settle();
    expect(problems.filter((code) => code === "state-rolled-back")).toEqual(["state-rolled-back"]);
    expect(states.at(-1)).toBe("locked");
    expect(gateway.of("Send")).toEqual([]);
    expect(await anna.texts(gid)).toEqual([]);
  });

  it("a revoked device stops", async () => {
    const { omar } = await pair();
    omar.away = true;
    const { gateway, problems } = await run(omar, (made) => {
      made.onR = (_, link) => link.say({ type: "Bye", code: "device-revoked", retry_ms: 0 });
    });
    await until(() => problems.includes("device-revoked"));
    await until(() => gateway.links.size === 0);
    expect(await omar.core.isLocked()).toBe(true);
  });

  it.each(["token-expired", "slow-down"])(
    "a token refused as %s is forgotten, and another is asked for",
    async (code) => {
      const { omar } = await pair();
      omar.away = true;
      const { problems } = await run(omar, (made) => {
        made.onR = (_, link) => {
          link.say({ type: "Bye", code, retry_ms: 1 });
          link.tell({ type: "Close", code, retry_ms: 1 });
        };
      });
      // There is no server for a login here: that it was tried shows.
      await until(() => problems.includes("unreachable"));
      expect((await omar.core.look((look) => look.session())).token).toBe("");
    },
  );

  it("a token that was taken since stays where a session ends late", async () => {
    const { omar } = await pair();
    omar.away = true;
    const newer = "B".repeat(43);
    const { gateway, problems } = await run(omar, (made) => {
      made.onR = (frame, link) => {
        if (frame.type !== "Hello" || frame.token === newer) return made.answerR(frame, link);
        void omar.core
          .step("token", (step) => step.changeSession({ token: newer, token_expires: 2 ** 40 }))
          .then(() => {
            link.say({ type: "Bye", code: "token-expired", retry_ms: 1 });
            link.tell({ type: "Close", code: "token-expired", retry_ms: 1 });
          });
      };
    });
    await until(
      () => problems.length > 0 || gateway.heard.some((frame) => frame.type === "Hello" && frame.token === newer),
    );
    expect(problems).toEqual([]);
  });

  it("hears the oldest client that the server speaks with", async () => {
    const { omar } = await pair();
    omar.away = true;
    const { versions } = await run(omar, (made) => (made.ready = { min_client: 7 }));
    await until(() => versions.includes(7));
  });
});

describe("sending", () => {
  async function speaking(
    onS: (gateway: Gateway) => Gateway["onS"],
  ): Promise<Running & { anna: Person; omar: Person; gid: string }> {
    const { anna, omar, gid } = await pair();
    anna.away = true;
    const made = await run(anna, (gateway) => {
      gateway.onS = onS(gateway);
    });
    await say(anna, gid, "once");
    return { ...made, anna, omar, gid };
  }

  const bodies = (sent: readonly Send[]): string[] =>
    sent.map(({ mid, body }) => `${encodeHex(mid)} ${encodeHex(body)}`);

  it("repeats the same bytes under the same mid while the outcome is unknown", async () => {
    let lost = 3;
    const { gateway, runner, omar, gid } = await speaking((made) => (frame, link) => {
      if (frame.type === "Send" && lost-- > 0) {
        // It was accepted, and nobody heard of it.
        made.service.take(frame);
        made.mailbox.queue = []; // the echo would tell
        made.sessions.clear();
        return link.cut();
      }
      made.answerS(frame, link);
    });
    await until(() => {
      runner.reconnect();
      return gateway.of("Send").length > 3;
    });
    expect(new Set(bodies(gateway.of("Send"))).size).toBe(1);
    expect(new Set(gateway.of("Send").map(({ rid }) => rid)).size).toBe(gateway.of("Send").length);
    await omar.world.settle();
    expect(await omar.texts(gid)).toEqual(["once"]);
  });

  it("waits as long as the server asks, and tells people where that is long", async () => {
    let busy = 1;
    const { gateway, problems } = await speaking((made) => (frame, link) => {
      if (frame.type === "Send" && busy-- > 0)
        link.say({ type: "Err", rid: frame.rid, code: "busy", retry_ms: 50, detail: {} });
      else made.answerS(frame, link);
    });
    await until(() => gateway.of("Send").length === 2);
    expect(new Set(bodies(gateway.of("Send"))).size).toBe(1);
    expect(problems.filter((code) => code !== "unreachable")).toEqual([]);
    const long = await speaking(() => (frame, link) => {
      if (frame.type === "Send")
        link.say({ type: "Err", rid: frame.rid, code: "slow-down", retry_ms: 60_000, detail: {} });
    });
    await until(() => long.problems.includes("slow-down"));
    expect(long.gateway.of("Send").length).toBe(1);
  });

  it("a refusal fails the item, and answers to nobody's request change nothing", async () => {
    const { anna, gid, gateway } = await speaking(() => (frame, link) => {
      if (frame.type !== "Send") return;
      link.say({ type: "Ok", rid: 77, epoch: 1, ts: 1, frank: null, dup: false });
      link.say({ type: "Err", rid: 78, code: "busy", retry_ms: 0, detail: {} });
      link.say({ type: "Err", rid: frame.rid, code: "too-big", retry_ms: 0, detail: {} });
      link.say({ type: "Ok", rid: frame.rid, epoch: 1, ts: 1, frank: null, dup: false });
    });
    await until(async () =>
      (await anna.lines(gid)).some(({ state, reason }) => state === "failed" && reason === "too-big"),
    );
    expect(gateway.of("Send").length).toBe(1);
  });

  it("a frame that is none ends the session, and everything goes again", async () => {
    let wrong = 1;
    const { gateway, problems, runner } = await speaking((made) => (frame, link) => {
      if (frame.type === "Send" && wrong-- > 0) link.sayBytes(parseHex("9163"));
      else made.answerS(frame, link);
    });
    await until(() => {
      runner.reconnect();
      return gateway.of("Send").length >= 2;
    });
    expect(problems).toContain("protocol");
    expect(new Set(bodies(gateway.of("Send"))).size).toBe(1);
  });

  it("a session that ended while nothing could be dialled is not gone on with", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0); // no pause before the next dial
    const { anna, gateway, gid, runner } = await speaking((made) => (frame, link) => made.answerS(frame, link));
    await until(async () => (await anna.lines(gid)).every(({ state }) => state === "sent"));
    gateway.away = true;
    gateway.link("S").cut();
    // There is nothing to send, so nobody dials again: the session is closed without a carrier to say so on.
    await new Promise((done) => setTimeout(done, 100));
    gateway.away = false;
    await say(anna, gid, "again");
    runner.wake();
    await until(() => gateway.of("Send").length === 2);
  });

  it("sends what is only worth something now once, or not at all", async () => {
    const { gateway, runner, anna, gid } = await speaking((made) => (frame, link) => made.answerS(frame, link));
    await until(() => gateway.of("Send").length === 1);
    const [real] = gateway.of("Send");
    if (!real) throw new Error("nothing was sent");
    const whisper: Send = { ...real, flags: 1, mid: new Uint8Array(16).fill(9), body: parseHex("00") };
    gateway.onS = (frame, link) => link.say({ type: "Err", rid: frame.rid, code: "busy", retry_ms: 1, detail: {} });
    runner.sendOnce(whisper);
    await until(() => gateway.of("Send").length === 2);
    await say(anna, gid, "more");
    await until(() => gateway.of("Send").length > 3);
    expect(gateway.of("Send").filter(({ flags }) => flags === 1).length).toBe(1);
  });

  it("keeps a ring as long as it lives, also where nothing else opens a session", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0); // no pause before the next dial
    const { anna, gateway, gid, runner } = await speaking((made) => (frame, link) => made.answerS(frame, link));
    await until(async () => (await anna.lines(gid)).every(({ state }) => state === "sent"));
    const [real] = gateway.of("Send");
    if (!real) throw new Error("nothing was sent");
    gateway.away = true;
    gateway.link("S").cut();
    // The session is closed, for want of requests, and so is the next one that the ring opens in vain.
    await new Promise((done) => setTimeout(done, 100));
    const { dials } = gateway;
    runner.sendOnce({ ...real, flags: 2, ttl: 60, mid: new Uint8Array(16).fill(9) });
    await until(() => gateway.dials > dials);
    gateway.away = false;
    await until(() => {
      runner.reconnect();
      return gateway.of("Send").some(({ ttl }) => ttl === 60);
    });
    expect(gateway.of("Send").filter(({ ttl }) => ttl === 60)).toHaveLength(1);
  });

  it("repeats a ring under its mid on the next session until it is answered, and typing never", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0); // no pause before the next dial
    const { anna, gateway, gid, runner } = await speaking((made) => (frame, link) => made.answerS(frame, link));
    await until(async () => (await anna.lines(gid)).every(({ state }) => state === "sent"));
    const [real] = gateway.of("Send");
    if (!real) throw new Error("nothing was sent");
    const rings = () => gateway.of("Send").filter(({ ttl }) => ttl === 60);
    const next = async (count: number) => {
      await until(() => {
        runner.reconnect();
        return rings().length >= count;
      });
      expect(rings()).toHaveLength(count);
    };
    let unheard = 2;
    gateway.onS = (frame, link) => {
      if (frame.type !== "Send" || frame.ttl === 0) return;
      if (unheard-- === 0) return link.say({ type: "Ok", rid: frame.rid, epoch: 1, ts: 1, frank: null, dup: true });
      gateway.sessions.clear();
      link.cut();
    };
    runner.sendOnce({ ...real, flags: 1, mid: new Uint8Array(16).fill(8) });
    runner.sendOnce({ ...real, flags: 2, ttl: 60, mid: new Uint8Array(16).fill(9) });
    await next(3);
    expect(new Set(bodies(rings())).size).toBe(1);
    expect(new Set(rings().map(({ rid }) => rid)).size).toBe(3);
    expect(gateway.of("Send").filter(({ flags }) => flags === 1)).toHaveLength(1);
    // It was answered: the session after that hears nothing of it.
    gateway.sessions.clear();
    gateway.link("S").cut();
    const { dials } = gateway;
    await say(anna, gid, "later");
    gateway.onS = (frame, link) => gateway.answerS(frame, link);
    await until(() => {
      runner.reconnect();
      return gateway.dials > dials && gateway.of("Send").some(({ ttl, mid }) => ttl === 0 && mid[0] !== 8);
    });
    await until(async () => (await anna.lines(gid)).every(({ state }) => state === "sent"));
    expect(rings()).toHaveLength(3);
  });
});

describe("how the server is reached", () => {
  /** Lets faked time pass, and what runs beside it (the database) keep up. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      await vi.advanceTimersByTimeAsync(250);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("dials again until somebody answers", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { omar } = await pair();
    omar.away = true;
    const { gateway, states, problems } = await run(omar, (made) => (made.away = true));
    await vi.waitFor(() => expect(gateway.dials).toBeGreaterThan(0), { timeout: 30_000 });
    await pass(25_000);
    expect(states).toEqual([]);
    expect(gateway.dials).toBeGreaterThan(2);
    expect(problems).toContain("unreachable");
    gateway.away = false;
    await pass(60_000);
    await vi.waitFor(() => expect(states.at(-1)).toBe("connected"), { timeout: 30_000 });
  });

  it("gives up a server that keeps silent, and dials again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { omar } = await pair();
    omar.away = true;
    const { gateway, states } = await run(omar);
    await vi.waitFor(() => expect(states.at(-1)).toBe("connected"), { timeout: 30_000 });
    gateway.silent = true;
    const { dials } = gateway;
    // 45 s until the next PING, 3 s until the carrier is given up, and the pause before the next dial.
    await pass(60_000);
    expect(gateway.dials).toBeGreaterThan(dials);
    expect(states.slice(0, 2)).toEqual(["connected", "apart"]);
  });

  it("leaves no timer behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { anna, gid } = await pair();
    anna.away = true;
    const { states, runner, network } = await run(anna);
    await vi.waitFor(() => expect(states.at(-1)).toBe("connected"), { timeout: 30_000 });
    await say(anna, gid, "on its way");
    await pass(1_000);
    await runner.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(network.listening).toBe(0);
  });
});
