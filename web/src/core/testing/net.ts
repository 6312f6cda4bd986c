/** A network with several ways to one server in memory, whose censor a test plays. */
import type { Candidate } from "../../protocol/path/candidates.ts";
import { Dialer } from "../../protocol/path/dialer.ts";
import { type Memory, parseMemory } from "../../protocol/path/memory.ts";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";
import { Reach } from "../reach/dialer.ts";
import { type Carrier, type CarrierListener, DialError } from "../transports/base.ts";
import { OWN } from "../transports/dialing.ts";
import { type Gateway, Link } from "./gateway.ts";

/** What happens to connections to a host: nothing, no answer, a reset at once. */
export type Weather = "open" | "dropped" | "reset";

export const endpoint = (host: string, more: Partial<Endpoint> = {}): Endpoint => ({
  ...{ id: host, kind: "bridge", host, port: 443, dir: "a", token: new Uint8Array(32), weight: 10, private: false },
  ...more,
});
export const ORIGIN = endpoint("home.example", { id: OWN, kind: "origin", dir: "", token: null });
export const byWebSocket = (...endpoints: Endpoint[]): Candidate[] =>
  endpoints.map((one) => ({ id: `${one.id}/wss`, endpoint: one, strategy: "wss" }));

interface Flow {
  readonly host: string;
  readonly link: Link;
  /** Bytes that have come down. */
  bytes: number;
}

/** Ways to a gateway. */
export class Net {
  readonly weather = new Map<string, Weather>();
  /** After so many bytes down, a connection goes silent. */
  freezeBytes = Infinity;
  /** Hosts in the order in which they were dialled. */
  readonly dialled: string[] = [];
  readonly flows = new Set<Flow>();

  constructor(readonly gateway: Gateway) {}

  readonly dial = (
    { endpoint: { host } }: Candidate,
    { role }: { readonly role: "R" | "S" },
    listener: CarrierListener,
    signal: AbortSignal,
  ): Promise<Carrier> => {
    this.dialled.push(host);
    if (this.#weatherAt(host) === "reset") return Promise.reject(new DialError("connect", "closed"));
    if (this.#weatherAt(host) === "dropped") {
      return new Promise((_, reject) => {
        const timer = setTimeout(() => reject(new DialError("connect", "timeout")), 10_000);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(new DialError("connect", "timeout"));
        });
      });
    }
    const link: Link = new Link(this.gateway, role, {
      record: (data) => {
        flow.bytes += data.length;
        if (flow.bytes <= this.freezeBytes && this.#weatherAt(host) === "open") listener.record(data);
      },
      ended: () => {
        this.flows.delete(flow);
        listener.ended(0);
      },
    });
    const flow: Flow = { host, link, bytes: 0 };
    this.flows.add(flow);
    this.gateway.links.add(link);
    const isOpen = (): boolean => flow.bytes <= this.freezeBytes && this.#weatherAt(host) === "open";
    return Promise.resolve({
      get rxBytes() {
        return link.rxBytes;
      },
      get txBytes() {
        return link.txBytes;
      },
      send: (record) => {
        if (isOpen()) link.send(record);
      },
      close: () => link.close(),
    });
  };

  /** From now on it is so at this host, also for connections that stand. */
  set(host: string, weather: Weather): void {
    this.weather.set(host, weather);
    if (weather === "reset") for (const flow of [...this.flows]) if (flow.host === host) flow.link.cut();
  }

  /** Hosts that the sessions are connected to, by role. */
  standing(): string[] {
    return [...this.flows].map(({ host, link }) => `${link.role} ${host}`).sort();
  }

  #weatherAt(host: string): Weather {
    return this.weather.get(host) ?? "open";
  }
}

/** A dialer over these ways. Time is that of the (perhaps faked) steady clock. */
export function reachOver(net: Net, candidates: readonly Candidate[], memory?: Memory) {
  const begun = 1_800_000_000 - performance.now() / 1000;
  const now = (): number => begun + performance.now() / 1000;
  const problems: unknown[] = [];
  const states: string[] = [];
  const dialer = new Dialer({
    random: () => 0.5,
    memory: memory ?? parseMemory(new Uint8Array()),
    network: "web",
    now: now(),
  });
  const reach: Reach = new Reach({
    dialer,
    now,
    dial: net.dial,
    changed: () => {
      const { state } = reach.view;
      if (state !== states.at(-1)) states.push(state);
    },
    problem: (problem) => problems.push(problem),
  });
  reach.setCandidates(candidates);
  return { reach, dialer, states, problems };
}
