/**
 * Straight to the server this page came from: control calls by fetch, carriers over one WebSocket each, where one binary
 * message is one record. No cookies, no redirects, no caches, and no page as referrer. Works under any path prefix.
 */
import { concat } from "../../protocol/bytes.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { type Role, ROLE_PATHS } from "../../protocol/frames.ts";
import { MESSAGE_BYTES, RECORD_MOST_BYTES } from "../../protocol/limits.ts";
import {
  type Answer,
  type Call,
  type Caller,
  type Carrier,
  type CarrierListener,
  DialError,
  USABLE_DEADLINE_MS,
} from "./base.ts";

/** The part of a browser's WebSocket that is used here. */
export interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: (() => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Makes a socket for an address; tests give their own. */
export type OpenSocket = (url: string) => Socket;

const openSocket: OpenSocket = (url) => new WebSocket(url) as unknown as Socket;

/** Calls and carriers to one server. */
export class DirectTransport implements Caller {
  readonly #base: URL;
  readonly #openSocket: OpenSocket;
  readonly #sockets = new Set<SocketCarrier>();

  /** base: the address below which /v1 lies, with or without a slash at its end. Throws HomeError `bad-link`. */
  constructor(base: string, open: OpenSocket = openSocket) {
    this.#base = parseBase(base);
    this.#openSocket = open;
  }

  /** Host and port, for people. */
  get host(): string {
    return this.#base.host;
  }

  async call(call: Call): Promise<Answer> {
    const deadline = AbortSignal.timeout(call.timeoutMs);
    const signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    try {
      const response = await fetch(new URL(call.path.slice(1), this.#base), {
        method: call.method,
        headers: call.headers,
        body: (call.body as Uint8Array<ArrayBuffer> | string | undefined) ?? null,
        signal,
        credentials: "omit",
        redirect: "error",
        cache: "no-store",
        referrerPolicy: "no-referrer",
      });
      return { status: response.status, body: await readBody(response) };
    } catch (problem) {
      if (problem instanceof ZajilError) throw problem;
      if (call.signal?.aborted) throw call.signal.reason;
      throw new DialError("http", deadline.aborted ? "timeout" : "unreachable");
    }
  }

  /** A WebSocket carrier for this role. Rejects with DialError after 10 s at the latest. */
  dial(role: Role, listener: CarrierListener): Promise<Carrier> {
    const url = new URL(ROLE_PATHS[role].slice(1), this.#base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new Promise((resolve, reject) => {
      const carrier = new SocketCarrier(this.#openSocket(url.href), {
        opened: () => resolve(carrier),
        failed: (reason) => reject(new DialError("http", reason)),
        record: (data) => listener.record(data),
        ended: () => listener.ended(),
        over: () => this.#sockets.delete(carrier),
      });
      this.#sockets.add(carrier);
    });
  }

  /** Ends all carriers. */
  close(): void {
    for (const carrier of [...this.#sockets]) carrier.close();
  }
}

interface SocketParts extends CarrierListener {
  opened(): void;
  failed(reason: "timeout" | "unreachable"): void;
  over(): void;
}

/** One WebSocket whose binary messages are records. Anything else on it ends it. */
class SocketCarrier implements Carrier {
  readonly #socket: Socket;
  readonly #parts: SocketParts;
  #state: "dialling" | "open" | "over" = "dialling";
  readonly #deadline: ReturnType<typeof setTimeout>;

  constructor(socket: Socket, parts: SocketParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#deadline = setTimeout(() => this.#end("timeout"), USABLE_DEADLINE_MS);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.#state !== "dialling") return;
      clearTimeout(this.#deadline);
      this.#state = "open";
      parts.opened();
    };
    socket.onmessage = ({ data }) => {
      if (this.#state !== "open") return;
      if (data instanceof ArrayBuffer && data.byteLength <= RECORD_MOST_BYTES) parts.record(new Uint8Array(data));
      else this.#end("unreachable");
    };
    socket.onerror = () => this.#end("unreachable");
    socket.onclose = () => this.#end("unreachable");
  }

  send(record: Uint8Array): void {
    if (this.#state === "open") this.#socket.send(record as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#end("unreachable");
  }

  #end(reason: "timeout" | "unreachable"): void {
    if (this.#state === "over") return;
    const dialling = this.#state === "dialling";
    this.#state = "over";
    clearTimeout(this.#deadline);
    this.#parts.over();
    this.#socket.close();
    if (dialling) this.#parts.failed(reason);
    else this.#parts.ended();
  }
}

function parseBase(base: string): URL {
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

async function readBody(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    parts.push(piece.value);
    size += piece.value.length;
    if (size <= MESSAGE_BYTES) continue;
    await reader?.cancel();
    throw error("protocol", "answer over 1 MiB");
  }
  return concat(...parts);
}
