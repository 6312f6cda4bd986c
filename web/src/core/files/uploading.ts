/**
 * Sends files: one at a time, from where the server says that each of them stands. Twin of
 * zajil.client.files.uploading.
 *
 * Calls go on a lane of their own and carry a pass or the secret of one upload, never the account: what the server sees
 * of a file shares no connection with anything that names us. Only the pass itself is asked for by the account, before.
 */
import { paddedBytes, passesFor } from "../../protocol/attachments.ts";
import * as control from "../../protocol/control.ts";
import { AuthError, error, HomeError, Limited, Malformed, Unavailable, ZajilError } from "../../protocol/errors.ts";
import * as outbox from "../rules/outbox.ts";
import { deviceAuth } from "../shell/calls.ts";
import type { Id } from "../state/rows.ts";
import type { Host } from "../verbs/handlers.ts";
import { readBlob } from "./blobs.ts";
import * as jobs from "./jobs.ts";
import type { Part, Upload } from "./jobs.ts";
import type { Lane } from "./lane.ts";
import { Patience, type Pause } from "./patience.ts";

/** An upload that the server forgot, or found to be something else, is begun anew so often. */
export const BEGINNINGS_MAX = 3;
export const CONFLICTS_MAX = 10;
/** After an attempt that a line or the server ended. */
export const REST_MS = 30_000;
/** What one upload waits for alone: a smaller one may fit. */
const OF_ONE = ["storage-full", "slow-down"];
const ANEW = ["gone", "pass-spent", "hash-mismatch"];

/** What is told of the upload under way. number: of the file. done: bytes of all its files at the server. */
export interface Standing {
  readonly number: number;
  readonly done: number;
}

export interface UploadParts {
  readonly host: Host;
  readonly lane: Lane;
  readonly pause: Pause;
  /** How far an upload is, or that it rests: then `code` says why. */
  tell(upload: Upload, standing: Standing, code?: string): void;
  /** It became a message, or failed: then `code` says why. */
  ended(upload: Upload, code?: string): void;
  /** What ended sending for good: another worker leads, the store is damaged, a bug. */
  problem(problem: unknown): void;
}

interface Transfer {
  readonly upload: Upload;
  readonly n: number;
  /** Bytes of the files before it. */
  readonly before: number;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** Runs where something waits; `wake` is cheap. */
export class Uploads {
  readonly #parts: UploadParts;
  #running: Promise<void> | undefined;
  #again = false;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #now: { readonly job: Id; readonly abort: AbortController } | undefined;
  /** What the last attempt of all ended with; nothing is tried for a while then. */
  #code: string | undefined;
  /** Those that let others pass until the next attempt, with what they wait for. */
  readonly #passed = new Map<Id, string>();
  /** How far the uploads are, as far as this worker knows. */
  readonly standing = new Map<Id, Standing>();

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  /** The job that is being sent. */
  get current(): Id | undefined {
    return this.#now?.job;
  }

  /** What keeps this job here for now: of its own, or of the line that all of them share. */
  codeOf(job: Id): string | undefined {
    return this.#passed.get(job) ?? this.#code;
  }

  /** Begin to send where something waits, unless all of them rest. */
  wake(): void {
    if (this.#closed || (this.#rest !== undefined && this.#code !== undefined)) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Somebody may have asked just when it had looked for the last time.
      if (this.#again) this.wake();
    });
  }

  /** Somebody waits, or the line came back: try at once, whatever was before. */
  hurry(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#passed.clear();
    this.wake();
  }

  /** This job is not wanted any more. */
  drop(job: Id): void {
    if (this.#now?.job === job) this.#now.abort.abort(error("stopped"));
    this.standing.delete(job);
    this.#passed.delete(job);
  }

  /** Stop; the next worker goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#rest);
    this.#now?.abort.abort(error("stopped"));
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        for (let next = await this.#next(); next && !this.#closed; next = await this.#next())
          await this.#sendOrPass(next);
      }
      if (this.#passed.size > 0 && this.#rest === undefined) this.#restFor(REST_MS);
    } catch (problem) {
      this.#again = false;
      if (this.#closed) return;
      const passing = problem instanceof Limited || problem instanceof Unavailable || problem instanceof AuthError;
      if (!passing) return this.#parts.problem(problem);
      this.#code = problem.code;
      this.#restFor(Math.max(REST_MS, problem.retryMs ?? 0));
      const waits = await this.#next().catch(() => undefined);
      if (waits) this.#tellWaits(waits, problem.code);
    }
  }

  #restFor(ms: number): void {
    clearTimeout(this.#rest);
    if (!this.#closed) this.#rest = setTimeout(() => this.hurry(), ms);
  }

  /** One that has to wait for room or its turn lets the next ones pass. Throws what is the business of all. */
  async #sendOrPass(upload: Upload): Promise<void> {
    try {
      await this.#send(upload);
    } catch (problem) {
      const later = problem instanceof Limited || problem instanceof Unavailable;
      if (!later || !OF_ONE.includes(problem.code)) throw problem;
      this.#code = undefined; // the server answers
      this.#passed.set(upload.job, problem.code);
      this.#tellWaits(upload, problem.code);
    }
  }

  #tellWaits(upload: Upload, code: string): void {
    this.#parts.tell(upload, this.standing.get(upload.job) ?? { number: 0, done: 0 }, code);
  }

  /** The first one that was not tried in this run. */
  async #next(): Promise<Upload | undefined> {
    return this.#parts.host.core().look(async (look) => {
      const first = (await jobs.uploads(look.tx)).find(({ job }) => !this.#passed.has(job));
      if (first) await outbox.checkMaySend(look);
      return first;
    });
  }

  /** All files of one message. What the server refuses for good fails the message. */
  async #send(upload: Upload): Promise<void> {
    const { job } = upload;
    const abort = new AbortController();
    this.#now = { job, abort };
    let code: string | undefined;
    try {
      let before = 0;
      for (const [n, { file }] of upload.parts.entries()) {
        const patience = new Patience(this.#parts.pause, abort.signal);
        await this.#sendPart({ upload, n, before, patience, signal: abort.signal });
        before += paddedBytes(file.size);
      }
      await this.#parts.host.core().step("uploaded", (step) => jobs.finish(step, job));
    } catch (problem) {
      if (abort.signal.aborted) return; // withdrawn, or this worker ends
      code = await this.#fail(upload, problem);
    } finally {
      this.#now = undefined;
    }
    this.standing.delete(job);
    this.#parts.ended(upload, code);
  }

  /** The code of what the message failed with. */
  async #fail({ job }: Upload, problem: unknown): Promise<string> {
    const later = problem instanceof Limited || problem instanceof Unavailable || problem instanceof AuthError;
    const ours = problem instanceof HomeError && problem.code !== "no-attachment";
    if (later || ours || !(problem instanceof ZajilError)) throw problem;
    await this.#parts.host.core().step("upload-failed", (step) => jobs.fail(step, job, problem.code));
    return problem.code;
  }

  /** One file, from wherever it stands. */
  async #sendPart(transfer: Transfer): Promise<void> {
    const { n, patience, signal } = transfer;
    let [losses, conflicts] = [0, 0];
    // Of an archive somebody knows the place already.
    const beginnings = jobs.isArchive(transfer.upload) ? 1 : BEGINNINGS_MAX;
    for (let part = await this.#part(transfer); part && !part.done; part = await this.#part(transfer)) {
      try {
        if (part.secret.length > 0) {
          await this.#sendPieces(transfer, part);
          await this.#keep(transfer, { ...part, done: true });
        } else {
          await this.#begin(transfer, part);
        }
      } catch (problem) {
        if (!(problem instanceof ZajilError) || signal.aborted) throw problem;
        const { code } = problem;
        if (code === "wrong-offset" && conflicts < CONFLICTS_MAX) conflicts += 1;
        // Nothing was begun that could be gone: something on the way has a page of its own for 404.
        else if (code === "gone" && part.secret.length === 0) await patience.bear(error("busy"));
        else if (ANEW.includes(code) && losses + 1 < beginnings) {
          losses += 1;
          await this.#keep(transfer, { ...part, passes: [], secret: new Uint8Array() });
        } else await this.#bear(problem, transfer);
      }
    }
    signal.throwIfAborted();
    this.#tell(transfer, n, paddedBytes(transfer.upload.parts[n]?.file.size ?? 0));
  }

  /** Wait before another try. Rejects with `problem`, in the end, where it stays. */
  async #bear(problem: ZajilError, { patience }: Transfer): Promise<void> {
    // Something on the way may answer in the server's place, and not for long.
    const strange = (problem instanceof AuthError || problem instanceof Malformed) && !ANEW.includes(problem.code);
    try {
      await patience.bear(strange && problem.code !== "device-revoked" ? error("busy") : problem);
    } catch (last) {
      throw strange && last instanceof Unavailable ? problem : last;
    }
  }

  /** Announce the file with as many passes as its size takes, those of an attempt before where there was one. */
  async #begin(transfer: Transfer, part: Part): Promise<void> {
    const { signal } = transfer;
    let { passes } = part;
    if (passes.length === 0) {
      passes = await this.#takePasses(passesFor(paddedBytes(part.file.size)), signal);
      await this.#keep(transfer, { ...part, passes });
    }
    await this.#keep(transfer, await this.announce({ ...part, passes }, signal));
  }

  /** The part with its place at the server, where nothing of it is yet. */
  async announce(part: Part, signal: AbortSignal): Promise<Part> {
    const { file } = part;
    const size = paddedBytes(file.size);
    const passes = part.passes.length > 0 ? part.passes : await this.#takePasses(passesFor(size), signal);
    const { id, secret } = await this.#parts.lane.add({ size, sha256: file.sha256, passes }, signal);
    return { ...part, file: { ...file, attachment_id: id }, passes: [], secret };
  }

  /** As the account, before and apart from everything about the file. Throws Malformed for another number. */
  async #takePasses(n: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const { host } = this.#parts;
    const token = await host.tokens().token();
    const parts = { auth: deviceAuth(token), request: { kind: "upload", n }, signal };
    const { passes } = await host.calls.call(control.TAKE_PASSES, parts).catch(async (problem: unknown) => {
      if (problem instanceof AuthError && problem.code === "token-expired") await host.tokens().forget(token);
      throw problem;
    });
    if (passes.length !== n) throw error("malformed", "another number of passes");
    return passes;
  }

  /** Everything from where the server stands. Throws Malformed for an offset that it cannot stand at. */
  async #sendPieces(transfer: Transfer, { blob, file, secret }: Part): Promise<void> {
    const { patience, signal, n } = transfer;
    const { host, lane } = this.#parts;
    const upload = { id: file.attachment_id, secret };
    const whole = paddedBytes(file.size);
    for (let offset = await lane.offset(upload, signal); offset < whole;) {
      this.#tell(transfer, n, offset);
      const length = Math.min(patience.pieceBytes, whole - offset);
      const piece = await readBlob(host.store, blob, { at: offset, length });
      if (piece === undefined) throw error("no-attachment", "ciphertext");
      const stands = await lane.put(upload, { offset, piece }, signal);
      if (stands !== offset + piece.length) throw error("malformed", "offset");
      offset = stands;
      patience.moved();
    }
  }

  #tell({ upload, before }: Transfer, number: number, offset: number): void {
    this.#code = undefined;
    const standing = { number, done: before + offset };
    this.standing.set(upload.job, standing);
    this.#parts.tell(upload, standing);
  }

  async #part({ upload: { job }, n }: Transfer): Promise<Part | undefined> {
    return this.#parts.host.core().look(async (look) => (await jobs.find(look.tx, job))?.[1].parts[n]);
  }

  async #keep({ upload: { job }, n }: Transfer, part: Part): Promise<void> {
    await this.#parts.host.core().step("upload", (step) => jobs.changePart(step, job, { n, part }));
  }
}
