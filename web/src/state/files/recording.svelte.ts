/** A voice note while it is recorded. */
import type { OutFile } from "../../core/api.ts";
import type { Recorder, Recording } from "../../platform/files/recorder.ts";
import { browser } from "../host.ts";
import { player } from "./player.svelte.ts";

const MOST_MS = 15 * 60_000;
const LOOK_MS = 100;

export class VoiceRecording {
  /** asking: for the microphone. full: it has ended by itself and waits to be sent. */
  state = $state<"asking" | "recording" | "full">("asking");
  elapsed_ms = $state(0);
  /** Loudness now, 0..1. */
  level = $state(0);
  #recorder: Recorder | undefined;
  #whole: Promise<Recording | undefined> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #cancelled = false;

  /** Rejects with code `permission-denied`, `no-device` or `unsupported`. */
  async start(): Promise<void> {
    player.pause();
    const recorder = await (await browser().openFiles()).record();
    if (this.#cancelled) return recorder.cancel();
    this.#recorder = recorder;
    this.state = "recording";
    this.#timer = setInterval(() => this.#look(recorder), LOOK_MS);
  }

  #look(recorder: Recorder): void {
    this.elapsed_ms = Math.min(MOST_MS, recorder.elapsed());
    this.level = recorder.level();
    if (recorder.elapsed() < MOST_MS) return;
    clearInterval(this.#timer);
    this.state = "full";
    this.#whole = recorder.finish();
  }

  /** As it is sent; undefined where nothing was recorded. */
  async finish(): Promise<OutFile | undefined> {
    clearInterval(this.#timer);
    const made = await (this.#whole ?? this.#recorder?.finish());
    if (!made) return undefined;
    const ending = made.type.split("/")[1] ?? "webm";
    const look = { kind: "voice", duration_ms: Math.min(MOST_MS, made.duration_ms), waveform: made.waveform } as const;
    return { blob: made.blob, name: `voice.${ending}`, type: made.type, look };
  }

  cancel(): void {
    this.#cancelled = true;
    clearInterval(this.#timer);
    if (!this.#whole) this.#recorder?.cancel();
  }
}
