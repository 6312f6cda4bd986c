/**
 * Control calls straight to the server's own address, by fetch. No cookies, no redirects, no caches, and no page as
 * referrer. Works under any path prefix.
 */
import { concat } from "../../protocol/bytes.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { MESSAGE_BYTES } from "../../protocol/limits.ts";
import { type Answer, type Call, type Caller, DialError } from "./base.ts";

/** What every request of ours says of itself: as little as a browser lets us. */
const PLAIN = {
  credentials: "omit",
  redirect: "error",
  cache: "no-store",
  referrerPolicy: "no-referrer",
} as const satisfies RequestInit;

/** Calls to one server. */
export class DirectCaller implements Caller {
  readonly #base: URL;

  /** base: as `parseBase` answers it. */
  constructor(base: URL) {
    this.#base = base;
  }

  async call(call: Call): Promise<Answer> {
    const deadline = AbortSignal.timeout(call.timeoutMs);
    const signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    try {
      const response = await fetch(new URL(call.path.slice(1), this.#base), {
        ...PLAIN,
        method: call.method,
        headers: call.headers,
        body: (call.body as Uint8Array<ArrayBuffer> | string | undefined) ?? null,
        signal,
      });
      const body = await readBody(response, MESSAGE_BYTES);
      return { status: response.status, body };
    } catch (problem) {
      if (problem instanceof ZajilError) throw problem;
      if (call.signal?.aborted) throw call.signal.reason;
      throw new DialError("http", deadline.aborted ? "timeout" : "unreachable");
    }
  }
}

/** The body of a POST of plain text, as a browser sends it without asking first. Rejects with DialError `http`. */
export async function post(url: string, body: Uint8Array, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, {
      ...PLAIN,
      method: "POST",
      headers: { "Content-Type": "text/plain" },
      body: body as Uint8Array<ArrayBuffer>,
      signal,
    });
  } catch {
    throw new DialError("connect", signal.aborted ? "timeout" : "closed");
  }
}

/** Returns when somebody answers there, whatever it says. Rejects with DialError `connect`. */
export async function reach(url: URL, signal: AbortSignal): Promise<void> {
  try {
    // The answer is opaque where the page is another origin's, which is enough.
    await fetch(url, { ...PLAIN, mode: "no-cors", redirect: "follow", signal });
  } catch {
    throw new DialError("connect", signal.aborted ? "timeout" : "closed");
  }
}

/**
 * The address below which /v1 lies, with a slash at its end, of any writing. Throws HomeError `bad-link` for what is no
 * HTTP address.
 */
export function parseBase(base: string): URL {
  let url: URL;
  try {
    url = new URL(base);
  } catch {
    throw error("bad-link", "server address");
  }
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password)
    throw error("bad-link", "server address");
  url.search = url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** The whole body. Rejects with RemoteProtocolError where it is over `most` bytes. */
export async function readBody(response: Response, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    parts.push(piece.value);
    size += piece.value.length;
    if (size <= most) continue;
    await reader?.cancel();
    throw error("protocol", "answer too long");
  }
  return concat(...parts);
}
