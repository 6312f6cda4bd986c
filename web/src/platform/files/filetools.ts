/** What the page does with files in a browser: look at, make smaller, record, play, hand over. Loaded when first needed. */
import type { OutFile } from "../../core/api.ts";
import type { Recognised } from "./kinds.ts";
import { lookAt, type Looked } from "./looking.ts";
import { type Thumb, unfoldThumb } from "./pictures.ts";
import { recogniseFile } from "./reading.ts";
import { type Recorder, startRecording } from "./recorder.ts";
import { openSound, type Sound } from "./sound.ts";

export interface FileTools {
  /** By its first bytes. */
  recognise(blob: Blob, claimed: string): Promise<Recognised>;
  /** What it is sent as: `plain` with what is known of it, or a picture drawn anew, at most 1,600 pixels wide and high. */
  look(file: Blob, plain: OutFile): Promise<Looked>;
  unfold(thumbhash: readonly number[]): Thumb | undefined;
  /** Rejects with code `permission-denied`, `no-device` or `unsupported`. */
  record(): Promise<Recorder>;
  /** told: something of it changed. */
  play(blob: Blob, told: () => void): Sound;
  /** An address for `<img>`, `<video>` and `<audio>`, until it is forgotten. */
  address(blob: Blob, type: string): string;
  forget(address: string): void;
  /** Hand a file over as a download, under a name that was cleaned. */
  save(name: string, blob: Blob): void;
}

/** Long enough for a browser to begin to read. */
const SAVE_MS = 60_000;

export const fileTools: FileTools = {
  recognise: recogniseFile,
  look: lookAt,
  unfold: unfoldThumb,
  record: startRecording,
  play: openSound,
  address: (blob, type) => URL.createObjectURL(blob.slice(0, blob.size, type)),
  forget: (address) => URL.revokeObjectURL(address),
  save(name, blob) {
    // Never the sender's type: no browser takes it for a page.
    const url = URL.createObjectURL(blob.slice(0, blob.size, "application/octet-stream"));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), SAVE_MS);
  },
};
