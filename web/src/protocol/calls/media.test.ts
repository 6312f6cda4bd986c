/** Media frames and quality are judged as vectors/calls/{media,emodel}.json say, which Python's code wrote. */
import { describe, expect, it } from "vitest";
import emodel from "../../../../vectors/calls/emodel.json";
import media from "../../../../vectors/calls/media.json";
import { encodeHex, parseHex } from "../bytes.ts";
import { LocalProtocolError, Malformed } from "../errors.ts";
import { encodeControl, encodeFrame, encodePreamble, parseControl, parseFrame, parseRoom } from "./media.ts";
import {
  findWord,
  NO_QUALITY,
  noteSample,
  onNewWay,
  planStep,
  type Quality,
  rate,
  type Sample,
  type Step,
  type Word,
} from "./quality.ts";
import { revived, shown } from "./testing.ts";

type Row = readonly [about: string, data: string, value: object | string | null];
const rows = (of: unknown): Row[] => of as Row[];

function judged(parse: (data: Uint8Array) => unknown, data: string): unknown {
  try {
    return shown(parse(parseHex(data)));
  } catch (problem) {
    if (!(problem instanceof Malformed)) throw problem;
    return null;
  }
}

describe("media frames", () => {
  it.each(rows(media.frames))("%s", (_, data, frame) => {
    expect(judged(parseFrame, data)).toEqual(frame);
    if (frame) expect(encodeHex(encodeFrame(parseFrame(parseHex(data))))).toBe(data);
  });

  it.each(rows(media.room))("of a room: %s", (_, data, message) => {
    expect(judged(parseRoom, data)).toEqual(message);
  });

  it.each(rows(media.control))("control: %s", (about, data, control) => {
    expect(judged(parseControl, data)).toEqual(control);
    if (about === "control") expect(encodeHex(encodeControl(parseControl(parseHex(data))))).toBe(data);
  });

  it("begin with a preamble", () => {
    for (const [, data, ticket] of rows(media.preamble)) {
      if (typeof ticket === "string") expect(encodeHex(encodePreamble(parseHex(ticket)))).toBe(data);
    }
    expect(() => encodePreamble(new Uint8Array(39))).toThrow(LocalProtocolError);
  });

  it("of ours that are wrong are an error", () => {
    const frame = { kind: "audio", key: false, seq: 0, ts: 0, payload: new Uint8Array(1) } as const;
    for (const wrong of [{ seq: 65_536 }, { ts: 2 ** 32 }, { key: true }, { payload: new Uint8Array(593) }]) {
      expect(() => encodeFrame({ ...frame, ...wrong })).toThrow(LocalProtocolError);
    }
  });
});

describe("quality", () => {
  it("rates as Python does", () => {
    for (const [sample, mos] of emodel.rates as unknown as [object, number][]) {
      expect(rate(revived(sample) as Sample)).toBeCloseTo(mos, 5);
    }
  });

  it("finds the same words", () => {
    for (const [mos, before, word] of emodel.words as [number, Word, Word][]) expect(findWord(mos, before)).toBe(word);
  });

  it("steps down and up at the same seconds", () => {
    const lives = emodel.lives as [number, number, number, Word, Step][][];
    for (const seconds of lives) {
      let [quality, step]: readonly [Quality, Step] = [NO_QUALITY, "full"];
      seconds.forEach(([concealed, rttMs, mos, word, after], second) => {
        const sample = { concealed, total: 48_000, rttMs, bufferMs: 60, frameMs: 20 };
        // The last one is of a link that takes another way.
        if (seconds === lives.at(-1) && second === 10) quality = onNewWay(quality);
        quality = noteSample(quality, sample, 1000 * second);
        [quality, step] = planStep(quality, step, 1000 * second);
        expect(quality.mos).toBeCloseTo(mos, 5);
        expect([quality.word, step]).toEqual([word, after]);
      });
    }
  });
});
