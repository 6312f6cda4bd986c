/**
 * Fetches files: what came is kept, so the next attempt goes on there, and a file that is here needs no network.
 * Calls go on a lane of nobody. Twin of zajil.client.files.fetching.
 */
import { paddedBytes } from "../../protocol/attachments.ts";
import { compare } from "../../protocol/bytes.ts";
import * as content from "../../protocol/chat/content.ts";
import { type File, parseFiles } from "../../protocol/chat/files.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { loadMessage } from "../rules/talk/places.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Host } from "../verbs/handlers.ts";
import * as blobs from "./blobs.ts";
import type { FileRow } from "./blobs.ts";
import { openFile } from "./crypt.ts";
import { fill } from "./filling.ts";
import { NO_ID } from "./jobs.ts";
import type { Lane } from "./lane.ts";
import { Patience, type Pause } from "./patience.ts";
import { Turns } from "./turns.ts";
import type { FilePlace } from "./view.ts";

export interface FetchParts {
  readonly host: Host;
  readonly lane: Lane;
  readonly pause: Pause;
  /** Most bytes of ciphertexts that stay. */
  readonly keptBytes: number;
  tell(place: FilePlace, done: number, whole: number): void;
}

interface Running {
  readonly found: Promise<Blob>;
  readonly abort: AbortController;
}

/** The files of one device. */
export class Fetches {
  readonly #parts: FetchParts;
  readonly #running = new Map<string, Running>();
  /** By name of its row: the end of what uses a ciphertext now. */
  readonly #inUse = new Map<Id, Promise<unknown>>();
  readonly #lines = new Turns(4);
  /** A file is in memory twice while it is opened. */
  readonly #openings = new Turns(1);

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  /** The file, opened. Rejects as `fetch_file` says. */
  fetch(place: FilePlace): Promise<Blob> {
    const key = keyOf(place);
    const known = this.#running.get(key);
    if (known) return known.found;
    const abort = new AbortController();
    const found = this.#fetch(place, abort.signal).finally(() => this.#running.delete(key));
    this.#running.set(key, { found, abort });
    return found;
  }

  /** Whoever waits for it gets `stopped`. */
  stop(place: FilePlace): void {
    this.#running.get(keyOf(place))?.abort.abort(error("stopped"));
  }

  close(): void {
    for (const { abort } of this.#running.values()) abort.abort(error("stopped"));
  }

  /** Names of the ciphertexts that are being fetched or opened. */
  get busy(): ReadonlySet<Id> {
    return new Set(this.#inUse.keys());
  }

  async #fetch(place: FilePlace, signal: AbortSignal): Promise<Blob> {
    const file = await this.#find(place);
    const name = rows.idOf(blobs.nameOf(file));
    // Two messages that name the same ciphertext fetch it one after the other.
    for (let other = this.#inUse.get(name); other; other = this.#inUse.get(name)) await other;
    const work = this.#fillAndOpen(place, file, signal);
    const over = work.then(
      () => this.#inUse.delete(name),
      () => this.#inUse.delete(name),
    );
    this.#inUse.set(name, over);
    return work;
  }

  async #fillAndOpen(place: FilePlace, file: File, signal: AbortSignal): Promise<Blob> {
    const row = await this.#lines.take(() => this.#fill(place, file, signal), signal);
    return this.#openings.take(() => this.#open(row, file), signal);
  }

  async #find({ chat, message, number }: FilePlace): Promise<File> {
    return this.#parts.host.core().look(async (look) => {
      const [, { kept }] = await loadMessage(look, chat, message);
      const file = kept.length > 0 ? parseFiles(content.parseContent(kept))?.files[number] : undefined;
      if (file === undefined || compare(file.attachment_id, NO_ID) === 0) throw error("no-attachment");
      return file;
    });
  }

  /** All of the ciphertext is here, behind what was. */
  async #fill(place: FilePlace, file: File, signal: AbortSignal): Promise<FileRow> {
    const { host, lane, pause } = this.#parts;
    let row = await this.#rowOf(place, file);
    await fill({
      lane,
      signal,
      patience: new Patience(pause, signal),
      id: file.attachment_id,
      have: row.have,
      whole: row.whole,
      tell: (bytes) => this.#parts.tell(place, bytes, row.whole),
      keep: async (chunk) => {
        row = await this.#keep(row, chunk);
      },
    });
    this.#parts.tell(place, row.whole, row.whole);
    await host.core().step("file-used", async (step) => {
      await blobs.saveRow(step, { ...row, used: step.now });
      await blobs.makeRoom(step, this.#parts.keptBytes, this.busy);
    });
    return row;
  }

  async #rowOf({ chat, message }: FilePlace, file: File): Promise<FileRow> {
    const name = blobs.nameOf(file);
    const whole = paddedBytes(file.size);
    const found = await this.#parts.host.core().look((look) => blobs.findRow(look.tx, name));
    const blob = crypto.getRandomValues(new Uint8Array(blobs.BLOB_BYTES));
    const fresh = { name, blob, whole, have: 0, used: this.#parts.host.now(), gid: chat, message };
    return found?.whole === whole ? { ...found, gid: chat, message } : fresh;
  }

  /** Keep the next chunk. A full disk gives up what was used least lately, once. */
  async #keep(row: FileRow, data: Uint8Array): Promise<FileRow> {
    const core = this.#parts.host.core();
    const next = { ...row, have: row.have + data.length };
    const write = (): Promise<void> =>
      core.step("file-chunk", async (step) => {
        blobs.putChunk(step, row.blob, { n: Math.floor(row.have / blobs.CHUNK_BYTES), data, from: 0 });
        await blobs.saveRow(step, { ...next, used: step.now });
      });
    try {
      await write();
    } catch (problem) {
      if (!(problem instanceof ZajilError) || problem.code !== "storage-full") throw problem;
      if (!(await core.step("make-room", (step) => blobs.makeRoom(step, 0, this.busy)))) throw problem;
      await write();
    }
    return next;
  }

  async #open(row: FileRow, file: File): Promise<Blob> {
    const { host } = this.#parts;
    try {
      const ciphertext = await blobs.readWhole(host.store, row.blob, row.whole);
      if (ciphertext === undefined) throw error("hash-mismatch", "a chunk is missing");
      return await openFile(ciphertext, file);
    } catch (problem) {
      // What is not as announced is fetched anew.
      if (problem instanceof ZajilError && problem.code === "hash-mismatch")
        await host.core().step("file-damaged", (step) => blobs.dropRow(step, row));
      throw problem;
    }
  }
}

const keyOf = ({ chat, message, number }: FilePlace): string => `${chat} ${message} ${String(number)}`;
