/** Transforms between fake streams: order, counters, key frames, and that nothing passes in clear. */
import { describe, expect, it } from "vitest";
import { KeyRing } from "../keys.ts";
import {
  type EncodedFrame,
  INVALID_ROW,
  noOpenCounts,
  noSealCounts,
  runOpening,
  runSealing,
  type Transformer,
} from "./transforms.ts";

interface Fake {
  readonly transformer: Transformer;
  readonly written: EncodedFrame[];
  readonly asked: string[];
}

function fake(frames: readonly EncodedFrame[], extra: Partial<Transformer> = {}): Fake {
  const written: EncodedFrame[] = [];
  const asked: string[] = [];
  const transformer: Transformer = {
    options: undefined,
    readable: new ReadableStream<EncodedFrame>({
      start(controller) {
        for (const frame of frames) controller.enqueue(frame);
        controller.close();
      },
    }),
    writable: new WritableStream<EncodedFrame>({
      write(frame) {
        written.push(frame);
      },
    }),
    sendKeyFrameRequest: () => {
      asked.push("request");
      return Promise.resolve();
    },
    ...extra,
  };
  return { transformer, written, asked };
}

const audio = (n: number): EncodedFrame => ({ data: new Uint8Array([0x78, n, n]).buffer });
const video = (type: "key" | "delta", n: number): EncodedFrame => ({ type, data: new Uint8Array(30).fill(n).buffer });
const copy = (frame: EncodedFrame): EncodedFrame => ({ ...frame, data: frame.data.slice(0) });
const bytes = (frames: readonly EncodedFrame[]): Uint8Array[] => frames.map((frame) => new Uint8Array(frame.data));

function ring(epoch = 1): KeyRing {
  const made = new KeyRing();
  made.add(epoch, new Uint8Array(16).fill(epoch), { removed: false, nowMs: 0 });
  return made;
}

async function seal(frames: readonly EncodedFrame[], keys = ring()): Promise<EncodedFrame[]> {
  const kind = frames[0]?.type ? "video" : "audio";
  const { transformer, written } = fake(frames.map(copy));
  const from = { kind, sealer: keys.sender(4, 1), counts: noSealCounts(), nowMs: () => 0 } as const;
  await runSealing(transformer, { ...from, needsKeyFrame: () => undefined });
  return written;
}

function opening(kind: "audio" | "video", keys = ring()) {
  const events: string[] = [];
  const from = {
    ...{ kind, opener: keys.receiver(1, 4), counts: noOpenCounts(), nowMs: (): number => 0 },
    opened: () => void events.push("opened"),
    unopened: () => void events.push("unopened"),
  };
  return { from, events };
}

describe("sealing", () => {
  it("keeps the order, counts, and writes no frame as it came", async () => {
    const frames = Array.from({ length: 40 }, (_, n) => audio(n));
    const sealed = await seal(frames);
    expect(sealed).toHaveLength(40);
    for (const frame of bytes(sealed)) expect(frame.subarray(0, 3)).not.toEqual(Uint8Array.of(0x78, frame[1] ?? 0, 0));
    const { from, events } = opening("audio");
    const { transformer, written } = fake(sealed);
    await runOpening(transformer, from);
    expect(bytes(written)).toEqual(bytes(frames));
    expect(events).toHaveLength(40);
    expect(from.counts).toMatchObject({ taken: 40, opened: 40, invalid: 0, openedAtMs: 0 });
  });

  it("drops everything without a key, and the frame of no bytes", async () => {
    const empty = { data: new ArrayBuffer(0) };
    const counts = noSealCounts();
    const { transformer, written } = fake([audio(1), empty]);
    const from = { kind: "audio", sealer: new KeyRing().sender(4, 1), counts, nowMs: () => 0 } as const;
    await runSealing(transformer, { ...from, needsKeyFrame: () => undefined });
    expect(written).toEqual([]);
    expect(counts).toEqual({ taken: 2, sealed: 0, bytes: 0, dropped: 2 });
    expect(await seal([empty, audio(1)])).toHaveLength(1);
  });

  it.each([true, false])("asks for a key frame at a change of the epoch; of the transformer: %s", async (own) => {
    const keys = ring();
    const asked: string[] = [];
    let now = 0;
    const generateKeyFrame = (): Promise<void> => {
      asked.push("own");
      return Promise.resolve();
    };
    const { transformer } = fake(
      [video("key", 0), video("delta", 1), video("delta", 2), video("delta", 3)],
      own ? { generateKeyFrame } : {},
    );
    const clock = (): number => {
      now += 600;
      if (now === 1_200) keys.add(2, new Uint8Array(16).fill(2), { removed: true, nowMs: now });
      return now;
    };
    const from = { kind: "video", sealer: keys.sender(4, 1), counts: noSealCounts(), nowMs: clock } as const;
    await runSealing(transformer, { ...from, needsKeyFrame: () => void asked.push("page") });
    expect(asked).toEqual([own ? "own" : "page"]);
  });
});

describe("opening", () => {
  it("passes nothing that is in clear, and says so at the 25th in a row", async () => {
    const { from, events } = opening("audio");
    const { transformer, written } = fake(Array.from({ length: INVALID_ROW + 5 }, (_, n) => audio(n)));
    await runOpening(transformer, from);
    expect(written).toEqual([]);
    expect(events).toEqual(["unopened"]);
    expect(from.counts.invalid).toBe(INVALID_ROW + 5);
  });

  it("begins to count anew after a frame that opens", async () => {
    const sealed = await seal(Array.from({ length: 3 }, (_, n) => audio(n)));
    const junk = (count: number): EncodedFrame[] => Array.from({ length: count }, (_, n) => audio(n));
    const { from, events } = opening("audio");
    const mixed = [...junk(24), ...sealed.slice(0, 1), ...junk(24), ...sealed.slice(1)];
    await runOpening(fake(mixed).transformer, from);
    expect(events).toEqual(["opened", "opened", "opened"]);
  });

  it("takes frames of an epoch that it does not know for early, not for forged", async () => {
    const sealed = await seal(
      Array.from({ length: 60 }, (_, n) => audio(n)),
      ring(9),
    );
    const { from, events } = opening("audio");
    await runOpening(fake(sealed).transformer, from);
    expect(events).toEqual([]);
    expect(from.counts).toMatchObject({ unknownKey: 60, invalid: 0, row: 0 });
  });

  it("counts doubles apart: Chromium sends a first key frame again", async () => {
    const sealed = await seal([video("key", 1), video("delta", 2)]);
    const doubled = [...sealed.slice(0, 1).map(copy), ...sealed.map(copy)];
    const { from, events } = opening("video");
    const { transformer, written, asked } = fake(doubled);
    await runOpening(transformer, from);
    expect(written).toHaveLength(2);
    expect(events).toHaveLength(2);
    expect(asked).toEqual([]);
    expect(from.counts).toMatchObject({ opened: 2, replayed: 1, invalid: 0 });
  });

  it("asks for a key frame once a frame opens after one that did not", async () => {
    const sealed = await seal([video("key", 1), video("delta", 2), video("delta", 3), video("delta", 4)]);
    const { from } = opening("video");
    const keys = ring();
    const early = await seal([video("key", 7)], ring(9));
    const { transformer, asked } = fake([...early, ...sealed.slice(1)]);
    await runOpening(transformer, { ...from, opener: keys.receiver(1, 4) });
    expect(asked).toEqual(["request"]);
  });

  it("ends with its connection", async () => {
    const { from } = opening("audio");
    const { transformer } = fake(await seal([audio(1)]), {
      writable: new WritableStream<EncodedFrame>({ write: () => Promise.reject(new Error("closed")) }),
    });
    await runOpening(transformer, from);
    expect(from.counts.opened).toBe(1);
  });
});
