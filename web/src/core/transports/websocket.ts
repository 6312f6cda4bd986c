/** Carriers over one WebSocket each, where one binary message is one record. Anything else on it ends it. */
import { ITEM_BYTES } from "../../protocol/reach/polling.ts";
import { type Carrier, type CarrierListener, DialError, type Reason } from "./base.ts";

/** The part of a browser's WebSocket that is used here. */
export interface Socket {
  binaryType: string;
  readonly bufferedAmount?: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event?: { readonly code: number }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Makes a socket for an address; tests give their own. */
export type OpenSocket = (url: string) => Socket;

export const openSocket: OpenSocket = (url) => new WebSocket(url) as unknown as Socket;

/** A carrier over a WebSocket to this `ws:` or `wss:` address. Rejects with DialError `connect`. */
export function dialWebSocket(
  url: string,
  listener: CarrierListener,
  { signal, open = openSocket }: { readonly signal: AbortSignal; readonly open?: OpenSocket | undefined },
): Promise<SocketCarrier> {
  return new Promise((resolve, reject) => {
    const give = (): void => carrier.giveUp();
    const carrier = new SocketCarrier(open(url), listener, {
      opened() {
        signal.removeEventListener("abort", give);
        resolve(carrier);
      },
      failed(reason) {
        signal.removeEventListener("abort", give);
        reject(new DialError("connect", reason));
      },
    });
    if (signal.aborted) give();
    else signal.addEventListener("abort", give);
  });
}

interface Dialling {
  opened(): void;
  failed(reason: Reason): void;
}

export class SocketCarrier implements Carrier {
  rxBytes = 0;
  txBytes = 0;
  readonly #socket: Socket;
  readonly #listener: CarrierListener;
  /** Until the socket opened. */
  #dialling: Dialling | undefined;
  #over = false;

  constructor(socket: Socket, listener: CarrierListener, dialling: Dialling) {
    this.#socket = socket;
    this.#listener = listener;
    this.#dialling = dialling;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.#over) return;
      this.#dialling = undefined;
      dialling.opened();
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onerror = () => this.#end("closed");
    socket.onclose = (event) => this.#end("closed", event?.code);
  }

  /** Bytes that were handed over and have not left for the network. */
  get waiting(): number {
    return this.#socket.bufferedAmount ?? 0;
  }

  send(record: Uint8Array): void {
    if (this.#over || this.#dialling) return;
    this.txBytes += record.length;
    this.#socket.send(record as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#end("closed");
  }

  /** Nobody waits for it any longer. */
  giveUp(): void {
    if (this.#dialling) this.#end("timeout");
  }

  #take(data: unknown): void {
    if (this.#over || this.#dialling) return;
    if (!(data instanceof ArrayBuffer) || data.byteLength > ITEM_BYTES) return this.#end("closed");
    this.rxBytes += data.byteLength;
    this.#listener.record(new Uint8Array(data));
  }

  #end(reason: Reason, code = 0): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.close();
    if (this.#dialling) this.#dialling.failed(reason);
    else this.#listener.ended(code);
  }
}
