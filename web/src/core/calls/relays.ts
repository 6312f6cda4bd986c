/** Asking for relays: a group's token opens them, no account does, so that no relay is tied to a person. */
import type { IceServer } from "../callorders.ts";
import { askServer, type CorePort, within } from "./port.ts";

const TIMEOUT_MS = 5_000;
/** After a question without an answer. */
const AGAIN_MS = 30_000;
/** Of the time that a credential is good for: the next one is there before it ends. */
const RENEW_AT = 0.8;
const LEAST_MS = 10_000;

/** What the server gives. servers: none where it has no relays. ttlS: seconds that the credential is good for. */
export interface Relays {
  readonly servers: readonly IceServer[];
  readonly ttlS: number;
}

/** The relays of a group, over the route of the sessions. Undefined: nobody answered in time, or not as a server does. */
export function askRelays(core: Pick<CorePort, "ask">, gid: Uint8Array): Promise<Relays | undefined> {
  return within(askServer(core, "relay", gid).then(decodeRelays), TIMEOUT_MS);
}

/** Undefined for what is no answer of ours. */
export function decodeRelays(answer: unknown): Relays | undefined {
  const { ttl_s: ttlS, urls, username, credential } = (answer ?? {}) as Record<string, unknown>;
  if (!Array.isArray(urls) || typeof username !== "string" || typeof credential !== "string") return undefined;
  if (typeof ttlS !== "number" || !(ttlS > 0)) return undefined;
  const known = urls.filter((url): url is string => typeof url === "string" && /^turns?:/.test(url));
  return { servers: known.length === 0 ? [] : [{ urls: known, username, credential }], ttlS };
}

/** When to ask again, in ms from the answer; null: the server has no relays. */
export function nextAskMs(answer: Relays | undefined): number | null {
  if (!answer) return AGAIN_MS;
  // At most what a timer can wait for.
  return answer.servers.length === 0 ? null : Math.min(Math.max(answer.ttlS * RENEW_AT * 1_000, LEAST_MS), 2 ** 31 - 1);
}
