/** What crosses between a tab and the worker about history that goes from device to device, and who sends it there. */
import type { ArchivePart } from "../../protocol/identity/linking.ts";

/**
 * How far a history is. in: to this device; out: to one that was approved here. Bytes with padding.
 *
 * moves: pieces go. waits: for the line, the server or the other device; `code` says what was met last. done: all of it is
 * there; where it came in, how many messages are new here, ran out on the way, or are of chats that are not here. lost: it
 * will not come, and `code` says why; everything else goes on.
 */
export interface HistoryProgress {
  readonly way: "in" | "out";
  readonly state: "moves" | "waits" | "done" | "lost";
  readonly done: number;
  readonly whole: number;
  readonly came?: number;
  readonly over?: number;
  readonly strange?: number;
  readonly code?: string;
}

/** The call that lets a further device in. */
export interface HistoryCalls {
  /**
   * history: hand it what this device shows in its chats. `history` of the answer: goes: it will come; none: there is
   * none; stays: it could not be announced now, or was not asked for. Throws `bad-link`, `link-expired`, `link-mismatch`,
   * `not-permitted` for a ninth device.
   */
  approve_link(a: { code: string; history: boolean }): {
    readonly device: number;
    readonly history: "goes" | "none" | "stays";
  };
}

/** How far a history is, at most every 200 ms; its end always. */
export interface HistoryEvent {
  readonly event: "history";
  readonly progress: HistoryProgress;
}

/** What seals, announces and sends the parts of an archive: files do, of which no more is known here. */
export interface ArchiveSender {
  submitArchive(
    plain: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly job: string; readonly parts: readonly ArchivePart[] }>;
  sendArchive(): void;
  dropArchive(job: string): Promise<void>;
}
