/** Files of messages that this tab fetched or fetches, with what the bytes are and an address to show them from. */
import { SvelteMap } from "svelte/reactivity";
import { plainFileName } from "../../i18n/filenames.ts";
import { codeOf } from "../../i18n/errors.ts";
import type { FileKind } from "../../platform/files/kinds.ts";
import { browser, call, listen } from "../host.ts";

/** One file of one message. */
export interface Place {
  readonly chat: string;
  readonly message: string;
  readonly number: number;
}

export interface Held {
  readonly state: "coming" | "here" | "failed";
  /** Bytes, with padding; 0 of 0 until the first news. */
  readonly done: number;
  readonly whole: number;
  /** Why it failed. */
  readonly code?: string;
  readonly blob?: Blob;
  readonly kind?: FileKind;
  /** Of a picture, by its own bytes. */
  readonly pixels?: number;
  /** Of pictures, sound and video. */
  readonly address?: string;
}

/** What nobody looks at any more is kept up to this much, for whoever scrolls back. */
const IDLE_BYTES = 64_000_000;
const IDLE_FILES = 40;

export const keyOf = ({ message, number }: Place): string => `${message} ${String(number)}`;

class HeldFiles {
  readonly #held = new SvelteMap<string, Held>();
  readonly #coming = new Map<string, Promise<Held>>();
  readonly #watched = new Map<string, number>();
  #idle: string[] = [];
  #listening = false;

  of(place: Place): Held | undefined {
    return this.#held.get(keyOf(place));
  }

  /** Somebody shows it; answers what ends that. */
  watch(place: Place): () => void {
    const key = keyOf(place);
    this.#watched.set(key, (this.#watched.get(key) ?? 0) + 1);
    this.#idle = this.#idle.filter((one) => one !== key);
    return () => {
      const left = (this.#watched.get(key) ?? 1) - 1;
      this.#watched.set(key, left);
      if (left > 0) return;
      this.#watched.delete(key);
      this.#idle.push(key);
      void this.#forgetSome();
    };
  }

  /** Checked and opened; a failure is told in what is held. claimed: the sender's content type. */
  fetch(place: Place, claimed: string): Promise<Held> {
    const key = keyOf(place);
    const known = this.#held.get(key);
    if (known?.state === "here") return Promise.resolve(known);
    const coming = this.#coming.get(key) ?? this.#bring(key, place, claimed);
    this.#coming.set(key, coming);
    return coming;
  }

  async #bring(key: string, place: Place, claimed: string): Promise<Held> {
    this.#follow();
    this.#held.set(key, { state: "coming", done: 0, whole: 0 });
    let held: Held;
    try {
      const blob = await call("fetch_file", place);
      const tools = await browser().openFiles();
      const { kind, type, pixels } = await tools.recognise(blob, claimed);
      held = {
        state: "here",
        done: blob.size,
        whole: blob.size,
        blob,
        kind,
        ...(pixels === undefined ? {} : { pixels }),
        ...(kind === "other" ? {} : { address: tools.address(blob, type) }),
      };
    } catch (error) {
      held = { state: "failed", done: 0, whole: 0, code: codeOf(error) };
    }
    this.#coming.delete(key);
    if (held.code === "stopped") this.#held.delete(key);
    else this.#held.set(key, held);
    return held;
  }

  /** How far those that come are. */
  #follow(): void {
    if (this.#listening) return;
    this.#listening = true;
    listen((event) => {
      if (event.event !== "file" || event.state !== "fetches") return;
      const key = keyOf({ chat: event.chat, message: event.id, number: event.number });
      const { done, whole } = event;
      if (this.#held.get(key)?.state === "coming") this.#held.set(key, { state: "coming", done, whole });
    });
  }

  stop(place: Place): void {
    void call("stop_fetch", place).catch(() => undefined);
  }

  /** As a download; fetched first where it is not here. */
  async save(place: Place, file: { readonly name: string; readonly type: string }): Promise<void> {
    const { blob } = await this.fetch(place, file.type);
    if (blob) (await browser().openFiles()).save(plainFileName(file.name), blob);
  }

  async #forgetSome(): Promise<void> {
    const tools = await browser().openFiles();
    const size = (key: string): number => this.#held.get(key)?.blob?.size ?? 0;
    let sum = this.#idle.reduce((total, key) => total + size(key), 0);
    while (this.#idle.length > IDLE_FILES || (sum > IDLE_BYTES && this.#idle.length > 1)) {
      const key = this.#idle.shift();
      if (key === undefined) return;
      sum -= size(key);
      const address = this.#held.get(key)?.address;
      if (address !== undefined) tools.forget(address);
      if (!this.#coming.has(key)) this.#held.delete(key);
    }
  }
}

export const heldFiles = new HeldFiles();
