/** The voice note that is played: one at a time, and it goes on in other chats. */
import type { Sound } from "../../platform/files/sound.ts";
import { browser } from "../host.ts";
import { heldFiles, keyOf, type Place } from "./held.svelte.ts";

/** A voice note as its message states it. */
export interface VoicePlace extends Place {
  readonly type: string;
  /** The sender's word, until the bytes are here. */
  readonly duration_ms: number;
}

const RATES = [1, 1.5, 2] as const;

class Player {
  now = $state.raw<VoicePlace>();
  playing = $state(false);
  /** It is being fetched. */
  loading = $state(false);
  at_ms = $state(0);
  length_ms = $state(0);
  rate = $state<number>(1);
  /** It cannot be played here. */
  broken = $state(false);
  #sound: Sound | undefined;
  #release: (() => void) | undefined;

  isOn(note: Place): boolean {
    return this.now !== undefined && keyOf(this.now) === keyOf(note);
  }

  async toggle(note: VoicePlace): Promise<void> {
    if (!this.isOn(note)) return this.#begin(note, 0);
    if (this.playing) this.#sound?.pause();
    else if (this.#sound && !this.broken) this.#sound.play();
    else if (!this.loading) await this.#begin(note, this.at_ms);
  }

  /** Also of one that is not played yet: it begins there. */
  async seek(note: VoicePlace, ms: number): Promise<void> {
    if (!this.isOn(note)) return this.#begin(note, ms);
    this.at_ms = Math.max(0, Math.min(ms, this.length_ms));
    this.#sound?.seek(this.at_ms);
  }

  async #begin(note: VoicePlace, ms: number): Promise<void> {
    this.stop();
    this.now = note;
    this.length_ms = note.duration_ms;
    this.at_ms = ms;
    this.loading = true;
    this.#release = heldFiles.watch(note);
    const { blob, kind } = await heldFiles.fetch(note, note.type);
    if (!this.isOn(note)) return;
    this.loading = false;
    if (!blob) return; // what is held says why
    if (kind !== "audio") {
      this.broken = true;
      return;
    }
    const sound = (await browser().openFiles()).play(blob, () => this.#told(sound));
    if (!this.isOn(note)) return sound.close();
    this.#sound = sound;
    sound.setRate(this.rate);
    if (ms > 0) sound.seek(ms);
    sound.play();
  }

  #told(sound: Sound): void {
    if (sound !== this.#sound) return;
    this.playing = sound.playing;
    this.broken = sound.broken;
    this.length_ms = sound.duration_ms ?? this.length_ms;
    this.at_ms = sound.ended ? 0 : Math.min(sound.at_ms, this.length_ms);
  }

  nextRate(): void {
    this.rate = RATES[(RATES.findIndex((one) => one === this.rate) + 1) % RATES.length] ?? 1;
    this.#sound?.setRate(this.rate);
  }

  pause(): void {
    this.#sound?.pause();
  }

  stop(): void {
    const sound = this.#sound;
    this.#sound = undefined;
    sound?.close();
    this.#release?.();
    this.#release = undefined;
    this.now = undefined;
    this.playing = this.loading = this.broken = false;
    this.at_ms = 0;
  }
}

export const player = new Player();
