/** QR codes by camera: the browser's own detector where there is one, else our library, loaded when needed. */
import type { Scan } from "../browser.ts";

type Find = (video: HTMLVideoElement) => Promise<string | undefined>;

interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { rawValue: string }[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<readonly string[]>;
}

const PAUSE_MS = 150;
/** Longest side in pixels that the library looks at. */
const SIDE = 640;

export function startScan(video: HTMLVideoElement): Scan {
  let stream: MediaStream | null = null;
  let stopped = false;
  let refuse: (reason: Error) => void = () => undefined;

  /** Lets the camera go. Another scan may show its own picture by now. */
  function release(): void {
    stopped = true;
    for (const track of stream?.getTracks() ?? []) track.stop();
    if (video.srcObject === stream) video.srcObject = null;
  }

  function stop(): void {
    release();
    refuse(new Error("stopped"));
  }

  async function run(): Promise<string> {
    stream = await openCamera();
    if (stopped) {
      release();
      throw new Error("stopped");
    }
    video.srcObject = stream;
    await video.play();
    const find = await chooseFinder();
    for (;;) {
      if (stopped) throw new Error("stopped");
      const text = video.readyState >= video.HAVE_CURRENT_DATA ? await find(video) : undefined;
      if (text !== undefined) {
        release();
        return text;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  const text = new Promise<string>((resolve, reject) => {
    refuse = reject;
    run().then(resolve, reject);
  });
  return { text, stop };
}

async function openCamera(): Promise<MediaStream> {
  if (!("mediaDevices" in navigator)) throw new Error("camera-absent");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    const refused = error instanceof DOMException && error.name === "NotAllowedError";
    throw new Error(refused ? "camera-refused" : "camera-absent", { cause: error });
  }
}

async function chooseFinder(): Promise<Find> {
  const own = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (own && (await own.getSupportedFormats()).includes("qr_code")) {
    const detector = new own({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue;
  }
  const { default: decode } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (!context || canvas.width === 0) return Promise.resolve(undefined);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return Promise.resolve(decode(context.getImageData(0, 0, canvas.width, canvas.height)));
    } catch {
      return Promise.resolve(undefined); // no code in this picture
    }
  };
}
