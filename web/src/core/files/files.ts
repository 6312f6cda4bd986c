/**
 * Files of messages: sealed here, sent in pieces, fetched, checked, opened (docs/protocol/files.md). Loaded when they are
 * first needed. Twin of zajil.client.filing.
 */
import { FILE_BYTES } from "../../protocol/attachments.ts";
import { textSize } from "../../protocol/bytes.ts";
import { CAPTION_BYTES, describe, type File, FILES_MAX, NAME_BYTES, TYPE_BYTES } from "../../protocol/chat/files.ts";
import { encodeMentions } from "../../protocol/chat/mentions.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { randomBytes } from "../crypto.ts";
import { failureOf } from "../failure.ts";
import * as chats from "../rules/chats.ts";
import * as outbox from "../rules/outbox.ts";
import { clearDraft } from "../rules/talk/arranging.ts";
import { loadMessage, placeOf } from "../rules/talk/places.ts";
import { mentionsIn } from "../rules/talk/reading.ts";
import { browserNetwork, type Network } from "../shell/network.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import type { Host } from "../verbs/handlers.ts";
import type { Answer, Call } from "../transports/base.ts";
import * as blobs from "./blobs.ts";
import { type Sealed, sealFile } from "./crypt.ts";
import { Fetches } from "./fetching.ts";
import * as jobs from "./jobs.ts";
import type { Part, Upload } from "./jobs.ts";
import { DOWN, Lane, UP } from "./lane.ts";
import { pause as realPause, type Pause } from "./patience.ts";
import { type Standing, Uploads } from "./uploading.ts";
import { findAwaited } from "../history/row.ts";
import type { HistoryProgress } from "../history/view.ts";
import type { FileCalls, FileEvent, FilePlace, OutFile, UploadView } from "./view.ts";

export const UNKNOWN_TYPE = "application/octet-stream";
const SEALED_TYPE = "application/cbor";
/** Progress is told at most so often. */
const TELL_MS = 200;

type SendFiles = Parameters<FileCalls["send_files"]>[0];

export interface FilesOptions {
  readonly pause?: Pause;
  readonly keptBytes?: number;
  readonly network?: Network;
}

/** The files of one leading device. */
export class Files {
  readonly #host: Host;
  readonly #uploads: Uploads;
  readonly #fetches: Fetches;
  readonly #ends: (() => void)[] = [];
  /** Ciphertexts whose row is not there yet. */
  readonly #staged = new Set<Id>();
  /** One message is sealed at a time: a file is in memory twice meanwhile. */
  #sealing: Promise<unknown> = Promise.resolve();
  #toldAt = 0;

  private constructor(
    host: Host,
    { pause = realPause, keptBytes = blobs.KEPT_BYTES, network = browserNetwork }: FilesOptions,
  ) {
    this.#host = host;
    this.#uploads = new Uploads({
      host,
      pause,
      lane: new Lane(host.way.sessions, UP),
      tell: (upload, standing, code) => void this.#tellUpload(upload, standing, code),
      ended: (upload, code) => void this.#tellEnd(upload, code),
      problem: (problem) => failureOf(problem),
    });
    this.#fetches = new Fetches({
      host,
      pause,
      keptBytes,
      lane: new Lane({ call: (call) => this.#callNow(call) }, DOWN),
      tell: (place, done, whole) => this.#tell(place, { state: "fetches", done, whole }, done < whole),
    });
    this.#ends.push(network.listen((online) => online && this.#uploads.hurry()));
  }

  /** Sweep what a worker left that ended in between, and go on with what waits. */
  static async open(host: Host, options: FilesOptions = {}): Promise<Files> {
    const files = new Files(host, options);
    await files.sweep();
    files.#uploads.wake();
    return files;
  }

  /** Nothing is sent or fetched any more. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
    void this.#uploads.close();
    this.#fetches.close();
  }

  /** Somebody waits for what is fetched: between two looks for a way, another one begins at once. */
  #callNow(call: Call): Promise<Answer> {
    const { carriers, sessions } = this.#host.way;
    if (!carriers.route) carriers.tap();
    return sessions.call(call);
  }

  // -- sending
  /** As FileCalls. */
  async send_files(asked: SendFiles): Promise<{ id: Id }> {
    const { files, text } = asked;
    if (files.length < 1 || files.length > FILES_MAX) throw error("too-many-files");
    if (files.some(({ blob }) => blob.size > FILE_BYTES)) throw error("file-too-big");
    if (textSize(text) > CAPTION_BYTES) throw error("text-too-long");
    const upload = this.#sealing.then(() => this.#submit(asked));
    this.#sealing = upload.catch(() => undefined);
    const { job, gid } = await upload;
    await this.#tellUploads(gid);
    this.#uploads.wake();
    return { id: job };
  }

  async #submit(asked: SendFiles): Promise<Upload> {
    const core = this.#host.core();
    const upload = await core.look((look) => readAsked(look, asked));
    if (textSize(upload.text) > CAPTION_BYTES) throw error("text-too-long");
    const parts: Part[] = [];
    try {
      for (const [n, file] of asked.files.entries()) {
        const sealed = await sealFile(file.blob);
        const part = partOf(file, sealed);
        parts.push(part);
        this.#staged.add(rows.idOf(part.blob));
        const last = n === asked.files.length - 1;
        await this.#store(last ? "submit-files" : "stage-file", async (step) => {
          blobs.putBlob(step, part.blob, sealed.ciphertext);
          if (!last) return;
          await jobs.submit(step, { ...upload, parts });
          await clearDraft(step, upload.gid);
          step.event("read", upload.gid);
        });
      }
    } catch (problem) {
      // Where this fails too, the next start sweeps.
      if (parts.length > 1) await core.step("unstage", async (step) => unstage(step, parts)).catch(() => undefined);
      throw problem;
    } finally {
      for (const { blob } of parts) this.#staged.delete(rows.idOf(blob));
    }
    return { ...upload, parts };
  }

  /** A full disk gives up fetched files that were used least lately, once. */
  async #store(name: string, work: (step: Step) => Promise<void>): Promise<void> {
    const core = this.#host.core();
    try {
      await core.step(name, work);
    } catch (problem) {
      if (!(problem instanceof ZajilError) || problem.code !== "storage-full") throw problem;
      if (!(await core.step("make-room", (step) => blobs.makeRoom(step, 0, this.#fetches.busy)))) throw problem;
      await core.step(name, work);
    }
  }

  /**
   * Seal the parts of an archive, announce each at the server and queue them: where they will be, and what opens them.
   * They go up with `sendArchive`. Rejects, and leaves nothing, where one of them cannot be announced now.
   */
  async submitArchive(
    plain: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly job: Id; readonly parts: readonly File[] }> {
    const core = this.#host.core();
    const job = rows.idOf(randomBytes(16));
    const parts: Part[] = [];
    try {
      for await (const data of plain) {
        signal.throwIfAborted();
        const sealed = await sealFile(new Blob([data as Uint8Array<ArrayBuffer>]));
        const part = partOf({ name: "", type: SEALED_TYPE, look: null }, sealed);
        this.#staged.add(rows.idOf(part.blob));
        parts.push(part);
        await this.#store("stage-file", (step) => Promise.resolve(blobs.putBlob(step, part.blob, sealed.ciphertext)));
        parts[parts.length - 1] = await this.#uploads.announce(part, signal);
      }
      if (parts.length > 0)
        await core.step("submit-archive", (step) =>
          jobs.submitArchive(step, { job, gid: "", at: step.now, text: "", reply_to: "", parts }),
        );
    } catch (problem) {
      // Where this fails too, the next start sweeps.
      if (parts.length > 0) await core.step("unstage", async (step) => unstage(step, parts)).catch(() => undefined);
      throw problem;
    } finally {
      for (const { blob } of parts) this.#staged.delete(rows.idOf(blob));
    }
    return { job, parts: parts.map(({ file }) => file) };
  }

  /** Whoever gets them knows of them now. */
  sendArchive(): void {
    this.#uploads.wake();
  }

  /** Nobody will know of them. */
  async dropArchive(job: Id): Promise<void> {
    await this.#host.core().step("withdraw-files", (step) => jobs.withdraw(step, job));
    this.#uploads.drop(job);
  }

  /** As FileCalls. */
  async uploads({ chat }: { readonly chat: Id }): Promise<readonly UploadView[]> {
    return this.#host.core().look(async (look) => {
      const place = await placeOf(look, chat);
      const views: UploadView[] = [];
      for (const upload of await jobs.uploads(look.tx))
        if (!jobs.isArchive(upload) && (await placeOf(look, upload.gid)) === place)
          views.push(await this.#view(look, upload, place));
      return views;
    });
  }

  async #view(look: Look, upload: Upload, place: Id): Promise<UploadView> {
    const { job: id, at, parts, reply_to } = upload;
    const code = this.#uploads.codeOf(id);
    const sends = this.#uploads.current === id;
    const { text } = mentionsIn(look, await rows.loadChat(look.tx, place), upload.text);
    return {
      id,
      chat: place,
      at,
      text,
      files: describe(
        parts.map(({ file }) => file),
        parts.map(({ look: shape }) => shape),
      ),
      ...(reply_to === "" ? {} : { reply_to }),
      done: this.#uploads.standing.get(id)?.done ?? jobs.doneBytes(upload),
      whole: jobs.wholeBytes(upload),
      state: sends && code === undefined ? "sends" : "waits",
      ...(code === undefined ? {} : { code }),
    };
  }

  /** As FileCalls. */
  async withdraw_files({ id }: { readonly id: Id }): Promise<void> {
    const gone = await this.#host.core().step("withdraw-files", (step) => jobs.withdraw(step, id));
    if (gone === undefined) throw error("gone", "upload");
    this.#uploads.drop(id);
    await this.#tellUploads(gone.gid);
  }

  /** As FileCalls. */
  hurry_files(): Promise<void> {
    return Promise.resolve(this.#uploads.hurry());
  }

  // -- fetching
  /** As FileCalls. */
  async fetch_file(place: FilePlace): Promise<Blob> {
    try {
      const found = await this.#fetches.fetch(place);
      this.#tell(place, { state: "fetched", done: 1, whole: 1 });
      return found;
    } catch (problem) {
      this.#tell(place, { state: "failed", done: 0, whole: 1, code: failureOf(problem).code });
      throw problem;
    }
  }

  /** As FileCalls. */
  stop_fetch(place: FilePlace): Promise<void> {
    return Promise.resolve(this.#fetches.stop(place));
  }

  // -- sweeping
  /** Ciphertexts of messages that are gone, and those that belong to nothing, go. */
  async sweep(): Promise<void> {
    await this.#host.core().step("sweep-files", async (step) => {
      const wanted = new Set(this.#staged);
      for (const row of await blobs.allRows(step.tx)) {
        if (await isShown(step, row)) wanted.add(rows.idOf(row.blob));
        else await blobs.dropRow(step, row);
      }
      for (const { parts } of await jobs.uploads(step.tx)) for (const { blob } of parts) wanted.add(rows.idOf(blob));
      for (const { blob } of (await findAwaited(step.tx))?.parts ?? []) wanted.add(rows.idOf(blob));
      for (const blob of await blobs.blobNames(this.#host.store))
        if (!wanted.has(blob)) blobs.dropBlob(step, rows.bytesOf(blob));
    });
  }

  // -- telling
  async #tellUploads(gid: Id): Promise<void> {
    const chat = await this.#host.core().look((look) => placeOf(look, gid));
    this.#host.emit({ event: "uploads", chat });
  }

  async #tellUpload(upload: Upload, { number, done }: Standing, code?: string): Promise<void> {
    const whole = jobs.wholeBytes(upload);
    if (jobs.isArchive(upload)) {
      const state = code === undefined ? "moves" : "waits";
      return this.#tellArchive({ state, done, whole, ...(code === undefined ? {} : { code }) }, done < whole);
    }
    const chat = await this.#host.core().look((look) => placeOf(look, upload.gid));
    const state = code === undefined ? "sends" : "waits";
    const place = { chat, message: upload.job, number };
    this.#tell(
      place,
      { state, done, whole, ...(code === undefined ? {} : { code }) },
      state === "sends" && done < whole,
    );
  }

  async #tellEnd(upload: Upload, code?: string): Promise<void> {
    if (!jobs.isArchive(upload)) return this.#tellUploads(upload.gid).then(() => this.#host.wake());
    const whole = jobs.wholeBytes(upload);
    this.#tellArchive(
      code === undefined ? { state: "done", done: whole, whole } : { state: "lost", done: 0, whole, code },
    );
  }

  #tellArchive(progress: Omit<HistoryProgress, "way">, often = false): void {
    if (this.#isTime(often)) this.#host.emit({ event: "history", progress: { way: "out", ...progress } });
  }

  /** often: another one follows soon, so that this one may be left out. */
  #isTime(often: boolean): boolean {
    const now = performance.now();
    if (often && now - this.#toldAt < TELL_MS) return false;
    if (often) this.#toldAt = now;
    return true;
  }

  #tell(
    place: FilePlace,
    told: Pick<FileEvent & { event: "file" }, "state" | "done" | "whole" | "code">,
    often = false,
  ) {
    if (!this.#isTime(often)) return;
    const { chat, message: id, number } = place;
    this.#host.emit({ event: "file", chat, id, number, ...told });
  }
}

/** The upload that is asked for, without its files. Throws what forbids it. */
async function readAsked(look: Look, { chat, text, reply_to, mentions = [] }: SendFiles): Promise<Upload> {
  await outbox.checkMaySend(look);
  const { gid } = await chats.checkWriter(look, chat);
  const quoted = reply_to ? (await loadMessage(look, gid, reply_to))[1].message_id : "";
  const ranges = mentions.map((one) => ({ ...one, account: rows.bytesOf(one.account) }));
  const linked = encodeMentions(text, ranges, look.profile.server_name);
  return { job: rows.idOf(randomBytes(16)), gid, at: look.now, text: linked, reply_to: quoted, parts: [] };
}

function partOf({ name, type, look }: Omit<OutFile, "blob">, { size, key, nonce, sha256 }: Sealed): Part {
  const kind = type === "" || textSize(type) > TYPE_BYTES ? UNKNOWN_TYPE : type;
  const file = { attachment_id: jobs.NO_ID, name: plainName(name), content_type: kind, size, key, nonce, sha256 };
  return { blob: randomBytes(blobs.BLOB_BYTES), file, look, passes: [], secret: new Uint8Array(), done: false };
}

/** The last part of a path, at most 255 bytes. */
function plainName(path: string): string {
  let name = [...path.toWellFormed()].join("").split(/[/\\]/).at(-1) ?? "";
  while (textSize(name) > NAME_BYTES) name = [...name].slice(0, -1).join("");
  return name;
}

function unstage(step: Step, parts: readonly Part[]): void {
  for (const { blob } of parts) blobs.dropBlob(step, blob);
}

async function isShown(look: Look, { gid, message }: blobs.FileRow): Promise<boolean> {
  try {
    const [, { kept, deleted_by }] = await loadMessage(look, gid, message);
    return kept.length > 0 && deleted_by === "";
  } catch (problem) {
    if (problem instanceof ZajilError && problem.code === "gone") return false;
    throw problem;
  }
}
