/** Control calls over the way there is: plain HTTPS to the server itself, else over sessions. */
import { type Answer, type Call, type Caller, DialError } from "../transports/base.ts";
import { OWN } from "../transports/dialing.ts";
import type { Reach } from "./dialer.ts";

/** So long a call that may be made twice waits for the server itself alone. */
const HEDGE_MS = 3_000;

/** Chooses per call. Rejects as `Caller.call` says. */
export class RouteCaller implements Caller {
  readonly #reach: Reach;
  readonly #direct: Caller;
  readonly #isOrigin: () => boolean;
  readonly #sessions: Caller;
  /** The server itself did not answer the last time nobody knew a way. */
  #doubted = false;

  /** direct: to the page's own address. isOrigin: whether TLS ends at the server there, as far as is known. */
  constructor(
    reach: Reach,
    parts: { readonly direct: Caller; readonly isOrigin: () => boolean; readonly sessions: Caller },
  ) {
    const { direct, isOrigin, sessions } = parts;
    this.#reach = reach;
    this.#direct = direct;
    this.#isOrigin = isOrigin;
    this.#sessions = sessions;
  }

  async call(call: Call): Promise<Answer> {
    if (this.#reach.wanted) await this.#settled(call);
    const { route, chosen } = this.#reach;
    if (chosen?.endpoint.id === OWN && route?.mode === "stream") {
      this.#doubted = false;
      return this.#direct.call(call);
    }
    if (route || this.#doubted || this.#reach.wanted || !this.#isOrigin()) return this.#sessions.call(call);
    return this.#first(call);
  }

  /** Waits for the race that runs, or tries now where nobody looks for a way. */
  #settled({ timeoutMs, signal }: Call): Promise<void> {
    if (!this.#reach.route) this.#reach.tap();
    return new Promise((resolve, reject) => {
      const give = (): void => reject(signal?.reason as Error);
      if (signal?.aborted) return give();
      const late = setTimeout(() => reject(new DialError("http", "timeout")), timeoutMs);
      signal?.addEventListener("abort", give);
      void this.#reach.settled().then(() => {
        clearTimeout(late);
        signal?.removeEventListener("abort", give);
        resolve();
      });
    });
  }

  /**
   * Before any session: mostly the server itself answers. Where it does not, a call that may be made twice looks for
   * another way meanwhile.
   */
  async #first(call: Call): Promise<Answer> {
    const direct = this.#direct.call(call);
    if (call.method !== "GET") return direct;
    const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), HEDGE_MS));
    const heard = await Promise.race([direct.catch(() => "failed" as const), late]);
    if (typeof heard !== "string") return heard;
    if (call.signal?.aborted) return direct;
    this.#doubted = true;
    // The first answer counts; where none comes, what the sessions say does.
    const others = this.#sessions.call(call);
    const found = direct.then((answer) => {
      this.#doubted = false;
      return answer;
    });
    return Promise.any([found, others]).catch(() => others);
  }
}
