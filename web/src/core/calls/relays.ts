/** Asking for relays: a group's token opens them, no account does, so that no relay is tied to a person. */
import type { IceServer } from "../callorders.ts";
import { encodeB64 } from "../../protocol/ids.ts";

const TIMEOUT_MS = 5_000;

export function encodeRelayRequest(asked: { gid: Uint8Array; epoch: number; token: Uint8Array }): RequestInit {
  const body = { gid: encodeB64(asked.gid), epoch: asked.epoch, token: encodeB64(asked.token) };
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    credentials: "omit",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    body: JSON.stringify(body),
  };
}

/** None for what is no answer of ours. */
export function decodeRelays(answer: unknown): readonly IceServer[] {
  const { urls, username, credential } = (answer ?? {}) as Record<string, unknown>;
  if (!Array.isArray(urls) || typeof username !== "string" || typeof credential !== "string") return [];
  const known = urls.filter((url): url is string => typeof url === "string" && /^turns?:/.test(url));
  return known.length === 0 ? [] : [{ urls: known, username, credential }];
}
