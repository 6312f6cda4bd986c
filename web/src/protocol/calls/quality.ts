/**
 * How good a link is, in a number, in a word, and in steps of what it may carry; twin of zajil.protocol.calls.quality.
 *
 * The number is the E-model of ITU-T G.107 reduced to delay and concealed audio: it compares our routes, and is no
 * laboratory score.
 */
export type Word = "" | "good" | "fair" | "poor";
const GOOD = 3.8;
const FAIR = 3.1;
const HYSTERESIS = 0.1;
/** Samples, one a second. */
const AVERAGE = 5;
const DOWN_MS = 4000;
const UP_MS = 15_000;

/** One second of a link. concealed, total: audio samples, or packets lost and expected. frameMs: of a packet. */
export interface Sample {
  readonly concealed: number;
  readonly total: number;
  readonly rttMs: number;
  readonly bufferMs: number;
  readonly frameMs: number;
}

/** Percent concealed; a second without any audio is all lost. */
const lossPct = ({ concealed, total }: Sample): number =>
  total > 0 ? (100 * Math.min(concealed, total)) / total : 100;

/** MOS from 1 to 4.5. Source: ITU-T G.107 annex B, with d = rtt/2 + buffer + frame + 25 ms. */
export function rate(sample: Sample): number {
  const delay = sample.rttMs / 2 + sample.bufferMs + sample.frameMs + 25;
  const loss = lossPct(sample);
  const r = 93.2 - (0.024 * delay + 0.11 * Math.max(0, delay - 177.3)) - (95 * loss) / (loss + 10);
  if (r < 0) return 1;
  // Below r = 6.5 the polynomial of G.107 falls under its own floor.
  return r > 100 ? 4.5 : Math.max(1, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r));
}

/** The word for an average; one that is left only 0.1 below where it is reached. */
export function findWord(mos: number, before: Word): Word {
  if (mos >= (before === "good" ? GOOD - HYSTERESIS : GOOD)) return "good";
  return mos >= (before === "good" || before === "fair" ? FAIR - HYSTERESIS : FAIR) ? "fair" : "poor";
}

/** A link over the last seconds. mos: the average. wordSince: ms at which the word, or the last step, began. */
export interface Quality {
  readonly recent: readonly number[];
  readonly mos: number;
  readonly word: Word;
  readonly wordSince: number;
  readonly rttMs: number;
  readonly lossPct: number;
  /** Samples since its way opened. */
  readonly heard: number;
}
export const NO_QUALITY: Quality = { recent: [], mos: 0, word: "", wordSince: 0, rttMs: 0, lossPct: 0, heard: 0 };

/** Samples of a way that opened: what a round trip took then held the time in which the way was still made. */
const EARLY = 3;

/** The link at the moment at which it goes another way. */
export const onNewWay = (quality: Quality): Quality => ({ ...quality, heard: 0 });

/** The link after one more second; the round trips of the first ones are shown, and do not count against it. */
export function noteSample(quality: Quality, sample: Sample, now: number): Quality {
  const counted = quality.heard < EARLY ? { ...sample, rttMs: 0 } : sample;
  const recent = [...quality.recent, rate(counted)].slice(-AVERAGE);
  const mos = recent.reduce((sum, one) => sum + one, 0) / recent.length;
  const word = findWord(mos, quality.word);
  const wordSince = word === quality.word ? quality.wordSince : now;
  const heard = quality.heard + 1;
  return { recent, mos, word, wordSince, rttMs: sample.rttMs, lossPct: lossPct(sample), heard };
}

/** What a link gives up, one after the other: a smaller picture, none, then sound of 24 and of 16 kbit/s. */
export const STEPS = ["full", "small", "no-video", "less-audio", "least-audio"] as const;
export type Step = (typeof STEPS)[number];
export const NO_VIDEO: readonly Step[] = STEPS.slice(2);

/** The step after this second: one down after 4 s of `poor`, one up after 15 s of `good`. */
export function planStep(quality: Quality, step: Step, now: number): readonly [Quality, Step] {
  const lasted = now - quality.wordSince;
  const down = quality.word === "poor" && lasted >= DOWN_MS;
  const up = quality.word === "good" && lasted >= UP_MS;
  const next = down || up ? STEPS[STEPS.indexOf(step) + (down ? 1 : -1)] : undefined;
  return next ? [{ ...quality, wordSince: now }, next] : [quality, step];
}
