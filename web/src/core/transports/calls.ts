/**
 * Control calls over sessions of their own, where plain HTTPS to the server does not pass (reach.md 4, "control calls").
 *
 * Calls of a device go over R, all others over S, so that nothing which names an account meets what must not: each has
 * its own short session, closed after 5 s without a call, and none of them is the one that receives or sends. Calls that
 * are to stay apart (those of a persona) share a session with their own kind alone.
 */
import { concat } from "../../protocol/bytes.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { type HttpReq, type HttpRes, parseRServer, parseSServer, type Role } from "../../protocol/frames.ts";
import { HTTP_BODY_BYTES, MESSAGE_BYTES } from "../../protocol/limits.ts";
import type { ClientEvent } from "../../protocol/session/events.ts";
import { Connection, type ConnectionParts } from "../shell/connection.ts";
import { type Answer, type Call, type Caller, DialError } from "./base.ts";

export const IDLE_MS = 5_000;
const EMPTY = new Uint8Array();

/** Calls over sessions. carriers: as of a `Connection`. */
export class SessionCaller implements Caller {
  readonly #carriers: ConnectionParts["carriers"];
  /** By authorisation of a device, or the word that keeps calls apart; "" for everything else. */
  readonly #talks = new Map<string, Talk>();

  constructor(carriers: ConnectionParts["carriers"]) {
    this.#carriers = carriers;
  }

  call(call: Call): Promise<Answer> {
    const auth = call.headers["Authorization"] ?? "";
    const device = auth.startsWith("Device ");
    const kind = device ? auth : (call.apart ?? "");
    const known = this.#talks.get(kind);
    if (known) return known.call(call);
    const lane = device ? "" : kind;
    const talk: Talk = new Talk(device ? "R" : "S", lane, this.#carriers, () => {
      if (this.#talks.get(kind) === talk) this.#talks.delete(kind);
    });
    this.#talks.set(kind, talk);
    return talk.call(call);
  }

  /** End all sessions; calls that wait for an answer fail. */
  close(): void {
    for (const talk of [...this.#talks.values()]) talk.end();
  }
}

interface Pending {
  readonly request: HttpReq;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (problem: unknown) => void;
  /** It may have reached the server. */
  sent: boolean;
  parts: Uint8Array[];
  size: number;
}

/** One session and the calls on it. */
class Talk {
  readonly #role: Role;
  readonly #connection: Connection;
  readonly #over: () => void;
  readonly #pending = new Map<number, Pending>();
  #rid = 0;
  #began = false;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(role: Role, lane: string, carriers: ConnectionParts["carriers"], over: () => void) {
    this.#role = role;
    this.#over = over;
    this.#connection = new Connection(role, {
      carriers,
      calls: true,
      lane,
      take: (events) => this.#take(events),
      pause: () => undefined,
      down: () => this.end(),
    });
  }

  /** As `Caller.call`. */
  call(call: Call): Promise<Answer> {
    const { method, path, headers, timeoutMs, signal } = call;
    const body = typeof call.body === "string" ? new TextEncoder().encode(call.body) : (call.body ?? EMPTY);
    if (body.length > HTTP_BODY_BYTES) return Promise.reject(error("too-big"));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const rid = ++this.#rid;
    const request: HttpReq = { type: "HttpReq", rid, method, path, headers, body, more: false };
    clearTimeout(this.#idle);
    return new Promise<Answer>((resolve, reject) => {
      const give = (problem: unknown): void => this.#settle(rid, (one) => one.reject(problem));
      const abandon = (): void => give(signal?.reason);
      const late = setTimeout(() => give(new DialError("http", "timeout")), timeoutMs);
      const tidy = (): void => {
        clearTimeout(late);
        signal?.removeEventListener("abort", abandon);
      };
      signal?.addEventListener("abort", abandon);
      this.#pending.set(rid, {
        request,
        resolve: (answer) => (tidy(), resolve(answer)),
        reject: (problem) => (tidy(), reject(problem as Error)),
        sent: false,
        parts: [],
        size: 0,
      });
      this.#connection.dial();
      if (this.#began) this.#send();
    });
  }

  /** End the session; whatever waits for an answer fails. */
  end(problem: ZajilError = new DialError("http", "closed")): void {
    clearTimeout(this.#idle);
    this.#over();
    this.#connection.stop();
    for (const rid of [...this.#pending.keys()]) this.#settle(rid, (one) => one.reject(problem));
    clearTimeout(this.#idle);
  }

  #settle(rid: number, say: (pending: Pending) => void): void {
    const pending = this.#pending.get(rid);
    if (!pending) return;
    this.#pending.delete(rid);
    say(pending);
    if (this.#pending.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.end(), IDLE_MS);
  }

  #send(): void {
    for (const pending of this.#pending.values()) {
      if (pending.sent) continue;
      pending.sent = true;
      this.#connection.send(pending.request);
    }
  }

  #take(events: readonly ClientEvent[]): void {
    for (const event of events) {
      if (event.event === "begin") this.#begin();
      else if (event.event === "message") this.#takeFrame(event.body);
    }
  }

  /** A session without memory: what went out on the one before may have been carried out, and nobody will say so. */
  #begin(): void {
    for (const [rid, { sent }] of [...this.#pending])
      if (sent) this.#settle(rid, (one) => one.reject(new DialError("http", "closed")));
    this.#began = true;
    this.#send();
  }

  #takeFrame(body: Uint8Array): void {
    try {
      const frame = this.#role === "R" ? parseRServer(body) : parseSServer(body);
      if (frame.type === "HttpRes") this.#takeAnswer(frame);
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      this.end(problem);
    }
  }

  #takeAnswer({ rid, status, body, more }: HttpRes): void {
    const pending = this.#pending.get(rid);
    if (!pending) return; // given up meanwhile
    pending.parts.push(body);
    pending.size += body.length;
    if (pending.size > MESSAGE_BYTES) throw error("protocol", "answer over 1 MiB");
    if (more) return;
    this.#settle(rid, (one) => one.resolve({ status, body: concat(...one.parts) }));
  }
}
