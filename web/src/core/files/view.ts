/**
 * What crosses between a tab and the worker about files. No key of a file is a member of these types. Small bytes are
 * numbers from 0 to 255; ids are base64url text without padding.
 */

import type { Look } from "../../protocol/chat/looks.ts";

export type { Look } from "../../protocol/chat/looks.ts";

/** A file to send, as it is: at most 104,857,584 bytes. name: without folders. type: at most 127 bytes. */
export interface OutFile {
  readonly blob: Blob;
  readonly name: string;
  readonly type: string;
  readonly look: Look | null;
}

/** A file of a message. number: from 0. name, type, look: its sender's word. size: in bytes. */
export interface FileView {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly look: Look | null;
}

/** A message whose files are still going out; once they are, a message takes its place. Bytes with padding. */
export interface UploadView {
  readonly id: string;
  readonly chat: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly text: string;
  readonly files: readonly FileView[];
  readonly reply_to?: string;
  readonly done: number;
  readonly whole: number;
  /** waits: behind another one, or for the line or the server; `code` says what it was that failed last. */
  readonly state: "sends" | "waits";
  readonly code?: string;
}

/** One file of one message. number: from 0. */
export interface FilePlace {
  readonly chat: string;
  readonly message: string;
  readonly number: number;
}

/** The calls about files. */
export interface FileCalls {
  /**
   * Id of the upload, once all of it is stored here: the page may close, and the originals may go. One to ten files.
   * mentions: ranges of "@name" in text. Throws `file-too-big`, `too-many-files`, `text-too-long`, `storage-full`,
   * `not-a-member`, `gone` for an answer to nothing.
   */
  send_files(a: {
    chat: string;
    files: readonly OutFile[];
    text: string;
    reply_to?: string;
    mentions?: readonly { start: number; end: number; account: string }[];
  }): { id: string };
  /** Messages of this chat whose files are still going out, the first one first. */
  uploads(a: { chat: string }): readonly UploadView[];
  /** Such a message is not sent, and its files go. Throws `gone` where it is a message already, or was withdrawn. */
  withdraw_files(a: { id: string }): void;
  /** Try what waits again now. */
  hurry_files(): void;
  /**
   * A file of a message, checked and opened. What is here needs no network; what comes in is kept. Throws `gone` (also
   * where the server has it no more), `no-attachment`, `hash-mismatch`, `unreachable`, `storage-full`, `stopped`.
   */
  fetch_file(a: FilePlace): Blob;
  /** Whoever waits for it gets `stopped`; what came stays for the next time. */
  stop_fetch(a: FilePlace): void;
}

export type FileEvent =
  /** Which messages of this chat wait for their files changed: one came, became a message, failed or was withdrawn. */
  | { readonly event: "uploads"; readonly chat: string }
  /**
   * How far a file is, at most every 200 ms. sends, waits: id is the upload's, number the file under way, done and whole
   * of all its files together. fetches, fetched, failed: of file `number` of a message. Bytes with padding.
   */
  | {
      readonly event: "file";
      readonly chat: string;
      readonly id: string;
      readonly number: number;
      readonly done: number;
      readonly whole: number;
      readonly state: "sends" | "waits" | "fetches" | "fetched" | "failed";
      readonly code?: string;
    };
