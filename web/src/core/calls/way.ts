/**
 * A media connection of a call: one WebSocket to the room, over the route that the sessions use; twin of
 * zajil.client.calls.way.
 *
 * The call worker opens it itself, so that sound waits for nothing that the core worker does. The core says where, and
 * agrees on the seal where one is needed. No account comes along.
 */
import { concat, encodeHex } from "../../protocol/bytes.ts";
import { ZajilError } from "../../protocol/errors.ts";
import { parseB64 } from "../../protocol/ids.ts";
import { RecordSeal } from "../reach/records.ts";
import type { Carrier } from "../transports/base.ts";
import { Inbox } from "../transports/inbox.ts";
import { SealedCarrier } from "../transports/sealing.ts";
import { dialWebSocket, type OpenSocket, type SocketCarrier } from "../transports/websocket.ts";
import { AskFailed, askServer, type CorePort } from "./port.ts";

/** One connection to a room, whose preamble was sent. Set `onclose` and `onrecord` as soon as it is there. */
export interface MediaWay {
  /** Hands over one frame: 8 bytes of header and ciphertext. After the end nothing happens. */
  send(record: Uint8Array): void;
  /** Bytes of what was sent that have not left for the network. */
  readonly waiting: number;
  /** Gets each record of the room from when it is set, first of all what had come: 1 to 16,001 bytes. */
  onrecord: (record: Uint8Array) => void;
  /** Called once, unless `close` came first. code: 4401, 4403, 4408, 4429, 1012, 1013 as the server said, else 1006. */
  onclose: (code: number) => void;
  close(): void;
}

/** Takes a ticket, connects, sends the preamble: within 10 s. Rejects with CallError. */
export type OpenMedia = () => Promise<MediaWay>;

/** code: `unreachable` where no route carries it, the server's refusals of the ticket, `not-a-member`, `chat-stuck`. */
export class CallError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = "CallError";
    this.code = code;
  }
}

export const OPEN_MS = 10_000;
const TICKET_BYTES = 40;
const CUT = 1006;
const CODES = [4401, 4403, 4408, 4429, 1012, 1013];
const RECORD_BYTES = 16_001;

/** Opens connections to one room, 16 bytes, of a group. openSocket: tests give their own. */
export function mediaOpener(
  core: Pick<CorePort, "ask">,
  { gid, room, openSocket }: { readonly gid: Uint8Array; readonly room: Uint8Array; readonly openSocket?: OpenSocket },
): OpenMedia {
  return async () => {
    const signal = AbortSignal.timeout(OPEN_MS);
    const late = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new CallError("unreachable"))),
    );
    try {
      return await Promise.race([late, open()]);
    } catch (problem) {
      throw problem instanceof CallError ? problem : new CallError(codeOf(problem));
    }

    async function open(): Promise<MediaWay> {
      const { ticket } = (await askServer(core, "tickets", gid, { room })) as Record<string, unknown>;
      const preamble = concat(Uint8Array.of(1, 4), parseB64(String(ticket), TICKET_BYTES));
      const { url, seal } = await core.ask("media", { r: encodeHex(room.subarray(0, 2)) });
      const bare = new Inbox();
      // Whoever waits no longer gets none: a socket that opens after the deadline is closed.
      const socket = await dialWebSocket(url, bare, { signal, open: openSocket });
      const cut = (): void => socket.close();
      signal.addEventListener("abort", cut);
      try {
        const records = new Inbox();
        const carrier = seal ? new SealedCarrier(socket, await agree(seal, socket, bare), bare, records) : socket;
        signal.throwIfAborted();
        carrier.send(preamble);
        return new CarrierWay(socket, carrier, seal ? records : bare);
      } catch (problem) {
        cut();
        throw problem;
      } finally {
        signal.removeEventListener("abort", cut);
      }
    }

    async function agree(first: Uint8Array, socket: Carrier, inbox: Inbox): Promise<RecordSeal> {
      for (let record = first; ;) {
        socket.send(record);
        const answer = await inbox.next("accept", signal);
        signal.throwIfAborted();
        const turn = await core.ask("sealed", { answer });
        if (!(turn instanceof Uint8Array)) return new RecordSeal(turn);
        record = turn;
      }
    }
  };
}

function codeOf(problem: unknown): string {
  if (problem instanceof AskFailed) return problem.failure.code;
  return problem instanceof ZajilError ? problem.code : "unreachable";
}

class CarrierWay implements MediaWay {
  readonly #socket: SocketCarrier;
  readonly #carrier: Carrier;
  readonly #inbox: Inbox;
  #take: (record: Uint8Array) => void = () => undefined;
  #tell: (code: number) => void = () => undefined;
  #code: number | undefined;
  #closed = false;

  constructor(socket: SocketCarrier, carrier: Carrier, inbox: Inbox) {
    this.#socket = socket;
    this.#carrier = carrier;
    this.#inbox = inbox;
  }

  send(record: Uint8Array): void {
    this.#carrier.send(record);
  }

  get waiting(): number {
    return this.#socket.waiting;
  }

  get onrecord(): MediaWay["onrecord"] {
    return this.#take;
  }

  set onrecord(take: MediaWay["onrecord"]) {
    this.#take = take;
    this.#inbox.handOver({
      record: (record) => this.#hear(record),
      ended: (code = 0) => this.#end(CODES.includes(code) ? code : CUT),
    });
  }

  get onclose(): MediaWay["onclose"] {
    return this.#tell;
  }

  set onclose(tell: MediaWay["onclose"]) {
    this.#tell = tell;
    if (this.#code !== undefined) tell(this.#code);
  }

  close(): void {
    this.#closed = true;
    this.#carrier.close();
  }

  #hear(record: Uint8Array): void {
    if (this.#closed) return;
    if (record.length > 0 && record.length <= RECORD_BYTES) return this.#take(record);
    this.#end(CUT);
    this.close();
  }

  #end(code: number): void {
    if (this.#closed || this.#code !== undefined) return;
    this.#code = code;
    this.#tell(code);
  }
}
