/** A media connection to a room of the server, opened over whatever route the session has; used in the call worker. */

/** One connection. Records are frames of docs/protocol/calls.md, "Media rooms". */
export interface MediaWay {
  /** Never blocks. */
  send(record: Uint8Array): void;
  /** Bytes not yet handed to the network. */
  readonly waiting: number;
  onrecord: (record: Uint8Array) => void;
  /** It ended: one of the close codes of `protocol/calls/media`, or 1006. */
  onclose: (code: number) => void;
  close(): void;
}

/** Takes a ticket over the route, connects, and sends the preamble. Rejects where one of these fails. */
export type OpenMedia = () => Promise<MediaWay>;
