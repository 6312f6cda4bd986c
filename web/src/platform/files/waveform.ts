/** The shape of a voice note: 64 bytes of loudness over its length, as numbers. Pure. */

export const WAVE_BYTES = 64;

/** One measured moment. at: ms since the start; loudness: root mean square, 0..1. */
export interface Moment {
  readonly at: number;
  readonly loudness: number;
}

/** Root mean square of samples in -1..1. */
export function loudnessOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

/**
 * The loudest moment of each 64th, against the loudest of all; the root lets quiet speech be seen. A 64th in which nothing
 * was measured (a tab in the background measures once a second) is like the one before it.
 */
export function foldWave(moments: readonly Moment[], duration_ms: number): number[] {
  const found = new Array<number | undefined>(WAVE_BYTES).fill(undefined);
  for (const { at, loudness } of moments) {
    const place = Math.max(0, Math.min(WAVE_BYTES - 1, Math.floor((at / Math.max(1, duration_ms)) * WAVE_BYTES)));
    found[place] = Math.max(found[place] ?? 0, loudness);
  }
  const loudest = Math.max(...found.map((one) => one ?? 0));
  const wave: number[] = [];
  let before = 0;
  found.forEach((one) => {
    if (one !== undefined) before = loudest === 0 ? 0 : Math.round(Math.sqrt(one / loudest) * 255);
    wave.push(before);
  });
  return wave;
}
