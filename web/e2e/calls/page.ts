/** One person's browser in e2e/calls-media.spec.ts: what ships, driven by the test instead of a session. */
import CallWorker from "./driven.ts?worker";
import type { Drive, Told } from "./drive.ts";
import { type CallMedia, startCalls } from "../../src/platform/calls/calls.ts";

export interface Shown {
  readonly leaf: number;
  readonly width: number;
  /** Of what is painted, from 0 to 255; the dummies are 0 or 1. */
  readonly brightness: number;
  /** Of the sound, from 0 to 1: the root of the mean square of one block. */
  readonly loudness: number;
}

/** What the test finds on `window`. Bytes cross as lists of numbers. */
export interface CallPage {
  start(): boolean;
  drive(order: (Omit<Drive & { do: "key" }, "baseKey"> & { baseKey: number[] }) | Exclude<Drive, { do: "key" }>): void;
  /** Open the microphone, and the camera; as code of what was refused, or empty. */
  open(camera: boolean): Promise<string>;
  closeCamera(): void;
  /** What is seen and heard of each device now. */
  look(): Promise<Shown[]>;
  stop(): void;
}

declare global {
  interface Window {
    call: CallPage;
    /** Given by the test. */
    told(told: Told): void;
  }
}

const media: { calls?: CallMedia; port?: MessagePort } = {};
const streams = new Map<number, MediaStream>();
const videos = new Map<number, HTMLVideoElement>();
const ears = new Map<number, AnalyserNode>();
const sounds = new AudioContext();

function show(leaf: number, stream: MediaStream | undefined): void {
  videos.get(leaf)?.remove();
  videos.delete(leaf);
  ears.delete(leaf);
  streams.delete(leaf);
  if (!stream) return;
  streams.set(leaf, stream);
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  void video.play().catch(() => undefined);
  videos.set(leaf, video);
  document.body.append(video);
  const ear = sounds.createAnalyser();
  sounds.createMediaStreamSource(stream).connect(ear);
  ears.set(leaf, ear);
}

function brightness(video: HTMLVideoElement): number {
  const canvas = new OffscreenCanvas(32, 18);
  const pen = canvas.getContext("2d");
  if (!pen || video.videoWidth === 0) return 0;
  pen.drawImage(video, 0, 0, 32, 18);
  const { data } = pen.getImageData(0, 0, 32, 18);
  return data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (32 * 18 * 3);
}

function loudness(ear: AnalyserNode | undefined): number {
  if (!ear) return 0;
  const block = new Float32Array(ear.fftSize);
  ear.getFloatTimeDomainData(block);
  return Math.sqrt(block.reduce((sum, value) => sum + value * value, 0) / block.length);
}

/** The loudest of a second: the fake microphone beeps once in a while. */
async function listen(leaf: number): Promise<number> {
  let loudest = 0;
  for (let turn = 0; turn < 25; turn++) {
    loudest = Math.max(loudest, loudness(ears.get(leaf)));
    await new Promise((done) => setTimeout(done, 50));
  }
  return loudest;
}

window.call = {
  start() {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<Told>) => window.told(data);
    media.port = port1;
    const ended = (): void => undefined;
    const calls = startCalls(new CallWorker(), port2, { show, ended });
    if (calls) media.calls = calls;
    return calls !== undefined;
  },
  drive(order) {
    const whole = order.do === "key" ? { ...order, baseKey: Uint8Array.from(order.baseKey) } : order;
    media.port?.postMessage(whole);
  },
  async open(camera) {
    try {
      await media.calls?.devices.useMicrophone();
      if (camera) await media.calls?.devices.useCamera();
      return "";
    } catch (problem) {
      return String(problem);
    }
  },
  closeCamera: () => media.calls?.devices.closeCamera(),
  async look() {
    return await Promise.all(
      [...videos].map(async ([leaf, video]) => ({
        ...{ leaf, width: video.videoWidth, brightness: brightness(video) },
        loudness: await listen(leaf),
      })),
    );
  },
  stop() {
    media.calls?.stop();
    media.port?.close();
    for (const leaf of [...streams.keys()]) show(leaf, undefined);
  },
};
