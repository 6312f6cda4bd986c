/**
 * The core's end of calls: what is heard waits here for the call worker, which comes with a port and asks (see `port`).
 *
 * Nothing of a call is read or decided here. Without a call worker the newest signals wait, since the one who rings may
 * be the reason to start it; tabs are told that there is something to hear, and not what.
 */
import type { Core } from "../rules/core.ts";
import { bytesOf, idOf, type Id } from "../state/rows.ts";
import type { CallNews } from "../state/step.ts";
import { error } from "../../protocol/errors.ts";
import { failureOf } from "../failure.ts";
import type { Way } from "../reach/way.ts";
import type { Host } from "../verbs/handlers.ts";
import type { FromCore, News, Of, PortLike, Question, Reply, ToCore } from "./port.ts";

/** What waits at most; above it the oldest signal is lost, and never that a group moved on. */
export const WAITING_MAX = 256;

type Answers = { readonly [Q in Question]: (of: Of<Q>) => Promise<Reply<Q>> };

/** One for each leading device. One call worker at a time: a new one takes over from the one before. */
export class CallDoor {
  readonly #host: Host;
  readonly #waiting: CallNews[] = [];
  #watched: ReadonlySet<Id> = new Set();
  #port: PortLike | undefined;
  #come: (() => void) | undefined;
  /** Of the seal that the newest media connection agrees on. */
  #turns: Awaited<ReturnType<Way["openMedia"]>>["turns"] | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Hear what this core hears. */
  listen(core: Core): void {
    core.onCall = (news) => this.#hear(news);
  }

  /** A call worker begins. */
  open(port: PortLike): void {
    this.close();
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<ToCore>) => void this.#reply(port, data);
  }

  /** No call worker any more. */
  close(): void {
    this.#port?.postMessage({ end: true } satisfies FromCore);
    this.#port?.close();
    this.#port = undefined;
    this.#watched = new Set();
  }

  #hear(news: CallNews): void {
    if (!("fields" in news) && !this.#watched.has(news.gid)) return;
    this.#waiting.push(news);
    const oldest = this.#waiting.findIndex((one) => "fields" in one);
    if (this.#waiting.length > WAITING_MAX && oldest >= 0) this.#waiting.splice(oldest, 1);
    if (this.#port === undefined) this.#host.emit({ event: "calling", chat: news.gid });
    this.#come?.();
  }

  async #reply(port: PortLike, { n, ask, of }: ToCore): Promise<void> {
    let answer: FromCore;
    try {
      // Typed at the other end by the same table.
      answer = { n, ok: await (this.#answers[ask] as (of: unknown) => Promise<unknown>)(of) };
    } catch (problem) {
      answer = { n, error: failureOf(problem) };
    }
    port.postMessage(answer);
  }

  readonly #answers: Answers = {
    take: async () => {
      const port = this.#port;
      while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#come = resolve));
      // A worker that is gone hears nothing: it stays for the one that came instead.
      return port === this.#port ? this.#waiting.splice(0).map((news) => this.#told(news)) : [];
    },
    send: async ({ gid, fields, ttlS, wake }) => {
      const request = await this.#host.core().sealSignal(idOf(gid), fields, { ttlS, wake });
      if (request) this.#host.sendOnce(request);
      return request !== undefined;
    },
    keys: async ({ gid, context }) => {
      const { members, ...keys } = await this.#host.core().callKeys(idOf(gid), context);
      return {
        ...keys,
        members: members.map(({ leaf, account, device }) => ({ leaf, account: bytesOf(account), device })),
      };
    },
    token: ({ gid }) => this.#host.core().sendToken(idOf(gid)),
    served: ({ what, gid, request }) => {
      const { way } = this.#host;
      // People wait for it, and a room's ticket comes before its connection: see `openMedia`.
      if (!way.carriers.route) way.carriers.tap();
      return way
        .callsApart(`calls ${idOf(gid)}`)
        .call<Uint8Array>({ method: "POST", path: `/calls/${what}`, auth: ["none"], answer: null }, { request });
    },
    media: async ({ r }) => {
      const { url, turns } = await this.#host.way.openMedia(r);
      this.#turns = turns;
      const first = await turns?.next();
      return { url, seal: first ? (first.value as Uint8Array) : null }; // a seal begins with a record
    },
    sealed: async ({ answer }) => {
      const turn = await this.#turns?.next(answer);
      if (!turn?.value) throw error("wrong-call", "no seal");
      return turn.done ? turn.value.keys : turn.value;
    },
    ways: () => {
      const { carriesMedia: carries, rung } = this.#host.way;
      return Promise.resolve({ carries, rung });
    },
    won: ({ kind }) => Promise.resolve(this.#host.way.keepRung(kind)),
    watch: ({ gids }) => {
      this.#watched = new Set(gids.map(idOf));
      return Promise.resolve();
    },
    keep: ({ record }) => this.#host.core().keepCall(record),
    kept: async () => (await this.#host.core().keptCall()) ?? null,
    log: async ({ gid, ...log }) => {
      await this.#host.core().submitCallLog(idOf(gid), { form: "call-log", ...log });
      this.#host.wake();
    },
  };

  #told(news: CallNews): News {
    const gid = bytesOf(news.gid);
    if (!("fields" in news)) return { news: "epoch", ...news, gid };
    const { leaf, device, epoch, fields } = news;
    const [account, ageMs] = [bytesOf(news.account), this.#host.core().ageOf(news)];
    return { news: "signal", gid, leaf, account, device, ageMs, epoch, fields };
  }
}
