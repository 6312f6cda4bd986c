/**
 * What passes between the core worker and the call worker, over a port that no page listens to.
 *
 * The call worker asks, the core answers: signals too are asked for, so that what waits is bounded on the core's side
 * whatever becomes of the other. Ids are bytes here. This file is the call worker's end; `door` is the core's.
 */
import { parseText } from "../../protocol/bytes.ts";
import type { Value } from "../../protocol/cbor.ts";
import type { LinkKind } from "../../protocol/calls/ladder.ts";
import type { Json } from "../../protocol/control.ts";
import type { CallLine, Failure } from "../api.ts";
import type { RecordKeys } from "../reach/records.ts";

/** A call signal of another device, own other ones too. leaf: its place in the group, which MLS proved. */
export interface HeardSignal {
  readonly news: "signal";
  readonly gid: Uint8Array;
  readonly leaf: number;
  readonly account: Uint8Array;
  readonly device: number;
  /** Since the server took it, by the server's clock. */
  readonly ageMs: number;
  /** It was sealed in. */
  readonly epoch: number;
  readonly fields: ReadonlyMap<string, Value>;
}

/** A watched group moved on, or is gone here. removed: somebody is not in it any more. */
export interface HeardEpoch {
  readonly news: "epoch";
  readonly gid: Uint8Array;
  readonly epoch: number;
  readonly removed: boolean;
}

export type News = HeardSignal | HeardEpoch;

/** What the current epoch gives a call. baseKey: 16 bytes. leaf: our own. members: all devices of the group. */
export interface PortKeys {
  readonly epoch: number;
  readonly baseKey: Uint8Array;
  readonly leaf: number;
  readonly members: readonly { readonly leaf: number; readonly account: Uint8Array; readonly device: number }[];
}

/** rung: the kind of attempt that carried a call last on this network. carries: kind C has a route. */
export interface Ways {
  readonly carries: boolean;
  readonly rung: LinkKind | null;
}

/** Everything that can be asked: one argument, one answer. */
export interface Asked {
  /** What came since the last time, in order; waits until there is something. One such question at a time. */
  take(a: object): readonly News[];
  /** Send a signal once; false: not sealed. ttlS: seconds in mailboxes, 0 = to who is connected. wake: also by push. */
  send(a: {
    readonly gid: Uint8Array;
    readonly fields: ReadonlyMap<string, Value>;
    readonly ttlS: number;
    readonly wake: boolean;
  }): boolean;
  /** context: call id and call secret. Fails with `not-a-member`, `chat-stuck`. */
  keys(a: { readonly gid: Uint8Array; readonly context: Uint8Array }): PortKeys;
  /** What the server asks for before it gives a relay or a room. Fails with `not-a-member`, `chat-stuck`. */
  token(a: { readonly gid: Uint8Array }): { readonly epoch: number; readonly token: Uint8Array };
  /**
   * The server's answer to a question in a group's name, over the route of the sessions, without an account, and on a
   * session that serves these questions of this group alone: JSON, unread. Fails with the server's refusals,
   * `unreachable`.
   */
  served(a: { readonly what: "relay" | "tickets"; readonly gid: Uint8Array; readonly request: Json }): Uint8Array;
  /**
   * Where to open one media connection, and the first record for its seal; null: it needs none. r: four hex digits of
   * the room. Fails with `unreachable` where the route carries no media.
   */
  media(a: { readonly r: string }): { readonly url: string; readonly seal: Uint8Array | null };
  /** What came back for the record of the newest seal: the next one to send, or the keys. Fails with `protocol`. */
  sealed(a: { readonly answer: Uint8Array }): Uint8Array | RecordKeys;
  /** Of the network and the way to the server: whether media connections are to be had, and what carried a call last. */
  ways(a: object): Ways;
  /** This kind of attempt has carried for a while. */
  won(a: { readonly kind: LinkKind }): void;
  /** The groups whose epochs are told. */
  watch(a: { readonly gids: readonly Uint8Array[] }): void;
  /** Keep the record of the call, durable when answered; null forgets it. */
  keep(a: { readonly record: Uint8Array | null }): void;
  /** The record kept last. */
  kept(a: object): Uint8Array | null;
  /** Write what became of a call into its chat. */
  log(a: { readonly gid: Uint8Array; readonly call: Uint8Array } & CallLine): void;
}

export type Question = keyof Asked;
export type Of<Q extends Question> = Parameters<Asked[Q]>[0];
export type Reply<Q extends Question> = ReturnType<Asked[Q]>;

export interface ToCore {
  readonly n: number;
  readonly ask: Question;
  readonly of: unknown;
}
export type FromCore =
  | { readonly n: number; readonly ok: unknown }
  | { readonly n: number; readonly error: Failure }
  | { readonly end: true };

/** The part of a port that is used. */
export interface PortLike {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** A question that failed, by the code of its failure; `stopped`: the core's end was closed. */
export class AskFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.name = "AskFailed";
    this.failure = failure;
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: AskFailed): void;
}

/** The call worker's end. */
export class CorePort {
  readonly #port: PortLike;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended = false;

  constructor(port: PortLike) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<FromCore>) => this.#hear(data);
  }

  /** Ask the core. Rejects with `AskFailed`. */
  ask<Q extends Question>(ask: Q, of: Of<Q>): Promise<Reply<Q>> {
    if (this.#ended) return Promise.reject(new AskFailed({ code: "stopped", category: "local" }));
    const n = ++this.#last;
    return new Promise<Reply<Q>>((resolve, reject) => {
      // The core answers a question with that question's answer: both ends are typed by `Asked`.
      this.#waiting.set(n, { resolve: resolve as (value: unknown) => void, reject });
      this.#port.postMessage({ n, ask, of } satisfies ToCore);
    });
  }

  /** Signals and epochs as they come, until the port ends. For one reader. */
  async *news(): AsyncGenerator<News, void> {
    while (!this.#ended) {
      let found: readonly News[];
      try {
        found = await this.ask("take", {});
      } catch (problem) {
        if (problem instanceof AskFailed && problem.failure.code === "stopped") return;
        throw problem;
      }
      yield* found;
    }
  }

  /** Ask no more. */
  close(): void {
    this.#end();
    this.#port.close();
  }

  #hear(data: FromCore): void {
    if ("end" in data) return this.#end();
    const waiting = this.#waiting.get(data.n);
    this.#waiting.delete(data.n);
    if ("error" in data) waiting?.reject(new AskFailed(data.error));
    else waiting?.resolve(data.ok);
  }

  #end(): void {
    this.#ended = true;
    for (const one of this.#waiting.values()) one.reject(new AskFailed({ code: "stopped", category: "local" }));
    this.#waiting.clear();
  }
}

/** What comes of some work, undefined where it fails or takes longer. */
export function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, ms));
  return Promise.race([late, work.catch(() => undefined)]);
}

/** A question whose token was stale waits so long for the commit that made it so. */
const CATCH_UP_MS = 3_000;
const LOOK_MS = 100;

/**
 * What the server answers a group, as parsed JSON: asked once more where the group moved on meanwhile. more: fields
 * beside those that every such question has. Rejects with `AskFailed`; with SyntaxError for what is no JSON.
 */
export async function askServer(
  core: Pick<CorePort, "ask">,
  what: Of<"served">["what"],
  gid: Uint8Array,
  more: { readonly room?: Uint8Array } = {},
): Promise<unknown> {
  const ask = async (held: Reply<"token">): Promise<unknown> => {
    const body = await core.ask("served", { what, gid, request: { gid, ...held, ...more } });
    return JSON.parse(parseText(body));
  };
  const held = await core.ask("token", { gid });
  try {
    return await ask(held);
  } catch (problem) {
    if (!(problem instanceof AskFailed) || problem.failure.code !== "bad-group-token") throw problem;
    for (let waited = 0; waited < CATCH_UP_MS; waited += LOOK_MS) {
      const now = await core.ask("token", { gid });
      if (now.epoch !== held.epoch) return ask(now);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw problem;
  }
}
