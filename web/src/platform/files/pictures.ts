/** Pictures and videos before they are sent: drawn anew, so that nothing but the pixels goes along; and their thumbhash. */
import { rgbaToThumbHash, thumbHashToRGBA } from "thumbhash";

export interface Picture {
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
  readonly thumbhash: readonly number[];
}

export interface Movie {
  readonly width: number;
  readonly height: number;
  readonly duration_ms: number;
  readonly thumbhash: readonly number[];
}

/** Pixels as `ImageData` takes them. */
export interface Thumb {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

const LONGEST = 1600;
const QUALITY = 0.82;
const MOST_SIDE = 65_535;
/** thumbhash takes at most 100. */
const THUMB = 100;
/** Some files a browser neither plays nor refuses. */
const MOVIE_WAIT_MS = 10_000;

interface Drawable {
  readonly source: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

function draw({ source, width, height }: Drawable, longest: number, background?: string): OffscreenCanvas {
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  if (background !== undefined) {
    pen.fillStyle = background;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function hashOf(drawable: Drawable): readonly number[] {
  const { width, height } = draw(drawable, THUMB);
  const pixels = draw(drawable, THUMB).getContext("2d")?.getImageData(0, 0, width, height);
  return [...rgbaToThumbHash(width, height, pixels?.data ?? [])];
}

async function decoded<T>(blob: Blob, work: (drawable: Drawable) => T | Promise<T>): Promise<T | undefined> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return undefined; // of a kind that this browser cannot draw
  }
  try {
    return await work({ source: bitmap, width: bitmap.width, height: bitmap.height });
  } catch {
    return undefined; // larger than a canvas may be here
  } finally {
    bitmap.close();
  }
}

export function shrinkPicture(blob: Blob): Promise<Picture | undefined> {
  return decoded(blob, async (drawable) => {
    let canvas = draw(drawable, LONGEST);
    let made = await canvas.convertToBlob({ type: "image/webp", quality: QUALITY });
    if (made.type !== "image/webp") {
      // This browser writes no WebP. JPEG has no transparency.
      canvas = draw(drawable, LONGEST, "#ffffff");
      made = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    }
    return { blob: made, width: canvas.width, height: canvas.height, thumbhash: hashOf(drawable) };
  });
}

export function measurePicture(blob: Blob): Promise<Picture | undefined> {
  return decoded(blob, (drawable) =>
    Math.max(drawable.width, drawable.height) > MOST_SIDE
      ? undefined
      : { blob, width: drawable.width, height: drawable.height, thumbhash: hashOf(drawable) },
  );
}

/** Undefined where this browser cannot play it, or says nothing of it for ten seconds. */
export async function measureMovie(blob: Blob): Promise<Movie | undefined> {
  const url = URL.createObjectURL(blob);
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  let wait: ReturnType<typeof setTimeout> | undefined;
  try {
    const ready = new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
      wait = setTimeout(reject, MOVIE_WAIT_MS);
    });
    video.src = url;
    await ready;
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (width === 0 || height === 0 || Math.max(width, height) > MOST_SIDE) return undefined;
    const duration_ms = Number.isFinite(video.duration) ? Math.round(video.duration * 1000) : 0;
    return { width, height, duration_ms, thumbhash: hashOf({ source: video, width, height }) };
  } catch {
    return undefined;
  } finally {
    clearTimeout(wait);
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Undefined for bytes that are none, or one without width or height: it may say so. */
export function unfoldThumb(thumbhash: readonly number[]): Thumb | undefined {
  try {
    const { w, h, rgba } = thumbHashToRGBA(thumbhash);
    if (!(w >= 1 && h >= 1)) return undefined;
    return { width: w, height: h, rgba: Uint8ClampedArray.from(rgba) };
  } catch {
    return undefined;
  }
}
