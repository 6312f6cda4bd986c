/**
 * A history on its way to this device: fetched part by part, checked, and written in one step. Loaded where one waits.
 * Half of the twin of zajil.client.history.handing.
 *
 * What was announced may still be going up, so what the server has not whole is looked for again, for a day; after that
 * the server has dropped it. What does not pass is forgotten, and the device works without.
 */
import { paddedBytes, UNFINISHED_S } from "../../protocol/attachments.ts";
import { error, HomeError, Limited, Unavailable, ZajilError } from "../../protocol/errors.ts";
import { type Archive, parseArchive } from "../../protocol/history/archive.ts";
import * as blobs from "../files/blobs.ts";
import { openFile } from "../files/crypt.ts";
import { fill } from "../files/filling.ts";
import { DOWN, Lane } from "../files/lane.ts";
import { Patience, pause as realPause, type Pause } from "../files/patience.ts";
import { browserNetwork, type Network } from "../shell/network.ts";
import * as rows from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import type { Host } from "../verbs/handlers.ts";
import { HISTORY } from "./name.ts";
import { type Awaited, type AwaitedPart, findAwaited, saveAwaited, wholeOf } from "./row.ts";
import { type Counts, unpack } from "./unpacking.ts";
import type { HistoryProgress } from "./view.ts";

/** Between two looks for what is not there yet: soon while somebody waits, then now and then. */
const PAUSES_MS = [...Array.from({ length: 60 }, () => 1_000), ...Array.from({ length: 60 }, () => 5_000)];
const LONG_MS = 60_000;
const TELL_MS = 200;
/** One that ended the worker each time, or broke it, is given up: it may be more than this browser can hold. */
export const TRIES_MAX = 5;

export interface ReceivingOptions {
  readonly pause?: Pause;
  readonly network?: Network;
}

/** One leading device's. */
export class Receiving {
  readonly #host: Host;
  readonly #pause: Pause;
  readonly #lane: Lane;
  readonly #abort = new AbortController();
  readonly #endListening: () => void;
  #hurry: (() => void) | undefined;
  #toldAt = 0;

  constructor(host: Host, { pause = realPause, network = browserNetwork }: ReceivingOptions = {}) {
    this.#host = host;
    this.#pause = pause;
    this.#lane = new Lane(host.way.sessions, DOWN);
    this.#endListening = network.listen((online) => online && this.#hurry?.());
  }

  /** The next worker goes on. */
  close(): void {
    this.#endListening();
    this.#abort.abort(error("stopped"));
  }

  /** Until it is here, or will not come. Rejects with what ends this worker. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    for (let n = 0; !signal.aborted; n++) {
      const awaited = await this.#host.core().look((look) => findAwaited(look.tx));
      if (awaited === undefined) return;
      try {
        if (await this.take()) return;
      } catch (problem) {
        if (signal.aborted) return;
        const later = problem instanceof Limited || problem instanceof Unavailable;
        const full = problem instanceof ZajilError && problem.code === "storage-full";
        if (!later && !full) throw problem;
        // That may pass, and says nothing against the archive.
        await this.#count(0);
        this.#tell({ ...(await this.#standing()), state: "waits", code: problem.code });
      }
      await this.#rest(PAUSES_MS[n] ?? LONG_MS);
    }
  }

  async #rest(ms: number): Promise<void> {
    const hurried = new Promise<void>((resolve) => (this.#hurry = resolve));
    await Promise.race([hurried, this.#pause(ms, this.#abort.signal).catch(() => undefined)]);
    this.#hurry = undefined;
  }

  /** Whether nothing is awaited any more. Rejects with what may pass, or is of this browser. */
  async take(): Promise<boolean> {
    const core = this.#host.core();
    const awaited = await core.look((look) => findAwaited(look.tx));
    if (awaited === undefined) return true;
    const over = core.now() - awaited.since > UNFINISHED_S * 1000;
    try {
      const counts = await this.#take();
      const whole = wholeOf(awaited);
      this.#tell({ way: "in", state: "done", done: whole, whole, ...counts });
      return true;
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      if (problem instanceof Limited || problem instanceof Unavailable || problem instanceof HomeError) throw problem;
      if (problem.code === "gone" && !over) {
        this.#tell({ ...(await this.#standing()), state: "waits", code: "gone" });
        return false;
      }
      const standing = await this.#standing();
      await core.step("history-lost", forget);
      this.#tell({ ...standing, state: "lost", code: problem.code });
      return true;
    }
  }

  async #standing(): Promise<Pick<HistoryProgress, "way" | "done" | "whole">> {
    const awaited = await this.#host.core().look((look) => findAwaited(look.tx));
    const done = awaited?.parts.reduce((sum, { have }) => sum + have, 0) ?? 0;
    return { way: "in", done, whole: awaited ? wholeOf(awaited) : 0 };
  }

  /** Fetch, check and write all of it. */
  async #take(): Promise<Counts> {
    const core = this.#host.core();
    const count = (await core.look((look) => findAwaited(look.tx)))?.parts.length ?? 0;
    for (let n = 0; n < count; n++) await this.#fetch(n);
    const awaited = await core.look((look) => findAwaited(look.tx));
    if (awaited === undefined) return { came: 0, over: 0, strange: 0 };
    const tries = (awaited.tries ?? 0) + 1;
    if (tries > TRIES_MAX) throw error("malformed", "no try came to an end");
    await this.#count(tries);
    const archives: Archive[] = [];
    for (const part of awaited.parts) archives.push(await this.#open(part));
    return core.step("history", async (step) => {
      const own = step.profile.account_id;
      if (archives.some(({ account }) => rows.idOf(account) !== own))
        throw error("malformed", "archive of another account");
      const counts = await unpack(step, archives);
      await forget(step);
      return counts;
    });
  }

  /** Durable before it is opened, so that what ends the worker counts. */
  async #count(tries: number): Promise<void> {
    await this.#host.core().step("history-try", async (step) => {
      const awaited = await findAwaited(step.tx);
      if (awaited !== undefined && (awaited.tries ?? 0) !== tries) await saveAwaited(step.tx, { ...awaited, tries });
    });
  }

  /** All of the ciphertext of part n, behind what is here. */
  async #fetch(n: number): Promise<void> {
    const core = this.#host.core();
    const { signal } = this.#abort;
    const awaited = await core.look((look) => findAwaited(look.tx));
    const part = awaited?.parts[n];
    if (awaited === undefined || part === undefined) return;
    const before = awaited.parts.slice(0, n).reduce((sum, { size }) => sum + paddedBytes(size), 0);
    const whole = wholeOf(awaited);
    const { have: had } = part;
    let have = had;
    await fill({
      lane: this.#lane,
      patience: new Patience(this.#pause, signal),
      signal,
      id: part.attachment_id,
      have,
      whole: paddedBytes(part.size),
      // Nothing moves before a piece came: what is not there yet is waited for.
      tell: (bytes) => bytes > had && this.#tell({ way: "in", state: "moves", done: before + bytes, whole }, true),
      keep: async (data) => {
        await core.step("history-chunk", async (step) => {
          const now = await findAwaited(step.tx);
          if (now === undefined) return;
          blobs.putChunk(step, part.blob, { n: Math.floor(have / blobs.CHUNK_BYTES), data, from: 0 });
          const kept = { ...part, have: have + data.length };
          await saveAwaited(step.tx, { ...now, parts: now.parts.with(n, kept) });
        });
        have += data.length;
      },
    });
  }

  /** The part, once size and hash of its ciphertext were found right. */
  async #open(part: AwaitedPart): Promise<Archive> {
    const ciphertext = await blobs.readWhole(this.#host.store, part.blob, paddedBytes(part.size));
    if (ciphertext === undefined) throw error("hash-mismatch", "a chunk is missing");
    const plain = await openFile(ciphertext, { ...part, name: "", content_type: "" });
    return parseArchive(new Uint8Array(await plain.arrayBuffer()));
  }

  /** often: another one follows soon, so that this one may be left out. */
  #tell(progress: HistoryProgress, often = false): void {
    const now = performance.now();
    if (often && now - this.#toldAt < TELL_MS) return;
    if (often) this.#toldAt = now;
    if (!this.#abort.signal.aborted) this.#host.emit({ event: "history", progress });
  }
}

async function forget(step: Step): Promise<void> {
  const awaited: Awaited | undefined = await findAwaited(step.tx);
  for (const { blob } of awaited?.parts ?? []) blobs.dropBlob(step, blob);
  await step.tx.delete("meta", HISTORY);
}
