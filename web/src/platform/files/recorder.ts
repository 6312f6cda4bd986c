/** Records the microphone as a voice note: Opus where the browser writes it, with its waveform. */
import { DeviceRefused, type DeviceProblem, problemOf } from "../calls/devices.ts";
import { foldWave, loudnessOf, type Moment } from "./waveform.ts";

export interface Recording {
  readonly blob: Blob;
  readonly type: string;
  readonly duration_ms: number;
  /** 64 numbers from 0 to 255. */
  readonly waveform: readonly number[];
}

export interface Recorder {
  /** ms so far. */
  elapsed(): number;
  /** Loudness now, 0..1. */
  level(): number;
  /** Ends it; undefined where nothing was recorded. */
  finish(): Promise<Recording | undefined>;
  cancel(): void;
}

const TYPES = ["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const BITS_PER_SECOND = 32_000;
const MEASURE_MS = 100;
/** Pieces that the browser hands over, so that a tab that dies has not held all of it in the encoder. */
const SLICE_MS = 1000;

const CODES: Readonly<Record<DeviceProblem, string>> = {
  "permission-denied": "permission-denied",
  "device-absent": "no-device",
  "device-busy": "no-device",
};
const refusal = (code: string): Error => Object.assign(new Error(code), { code });

async function openMicrophone(): Promise<MediaStream> {
  if (!("mediaDevices" in navigator) || !("MediaRecorder" in globalThis)) throw refusal("unsupported");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true },
    });
  } catch (failure) {
    throw refusal(CODES[failure instanceof DeviceRefused ? failure.problem : problemOf(failure)]);
  }
}

/** Measures loudness until it is stopped. */
function listenTo(stream: MediaStream, since: number): { moments: Moment[]; stop: () => void } {
  const moments: Moment[] = [];
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 4096;
  audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    moments.push({ at: performance.now() - since, loudness: loudnessOf(samples) });
  }, MEASURE_MS);
  return {
    moments,
    stop: () => {
      clearInterval(timer);
      void audio.close().catch(() => undefined);
    },
  };
}

export async function startRecording(): Promise<Recorder> {
  const stream = await openMicrophone();
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(stream, {
    audioBitsPerSecond: BITS_PER_SECOND,
    ...(type === undefined ? {} : { mimeType: type }),
  });
  const pieces: Blob[] = [];
  recorder.addEventListener("dataavailable", ({ data }) => {
    if (data.size > 0) pieces.push(data);
  });
  const ended = new Promise<void>((resolve) => recorder.addEventListener("stop", () => resolve(), { once: true }));
  const since = performance.now();
  const { moments, stop } = listenTo(stream, since);
  recorder.start(SLICE_MS);
  let duration_ms: number | undefined;

  async function close(): Promise<void> {
    duration_ms ??= Math.round(performance.now() - since);
    stop();
    if (recorder.state !== "inactive") recorder.stop();
    await ended;
    for (const track of stream.getTracks()) track.stop();
  }

  return {
    elapsed: () => duration_ms ?? performance.now() - since,
    level: () => moments.at(-1)?.loudness ?? 0,
    async finish() {
      await close();
      const bare = (recorder.mimeType === "" ? (type ?? "audio/webm") : recorder.mimeType).split(";")[0] ?? "";
      const blob = new Blob(pieces, { type: bare });
      if (blob.size === 0 || duration_ms === undefined || duration_ms < 1) return undefined;
      return { blob, type: bare, duration_ms, waveform: foldWave(moments, duration_ms) };
    },
    cancel: () => void close(),
  };
}
