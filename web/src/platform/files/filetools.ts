/** What the page does with files in a browser: look at, make smaller, record, play, hand over. Loaded when first needed. */
import { HEAD_BYTES, recognise, type Recognised } from "./kinds.ts";
import {
  type Movie,
  measureMovie,
  measurePicture,
  type Picture,
  shrinkPicture,
  type Thumb,
  unfoldThumb,
} from "./pictures.ts";
import { type Recorder, startRecording } from "./recorder.ts";
import { openSound, type Sound } from "./sound.ts";

export interface FileTools {
  /** By its first bytes. */
  recognise(blob: Blob, claimed: string): Promise<Recognised>;
  /** Drawn anew, at most 1,600 pixels wide and high, without anything that stood beside the pixels; undefined where the browser cannot draw it. */
  shrink(blob: Blob): Promise<Picture | undefined>;
  /** The picture as it is. */
  measure(blob: Blob): Promise<Picture | undefined>;
  measureMovie(blob: Blob): Promise<Movie | undefined>;
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
  recognise: async (blob, claimed) => recognise(new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer()), claimed),
  shrink: shrinkPicture,
  measure: measurePicture,
  measureMovie,
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
