/** Seconds of a link, from counts that only grow. */
import { describe, expect, it } from "vitest";
import type { ReceivingSample, Sample } from "../../callorders.ts";
import { type LinkFigures, LinkMeter } from "./measure.ts";
import { noOpenCounts } from "./transforms.ts";

const heard = (id: number, more: Partial<ReceivingSample>): ReceivingSample => ({
  ...{ side: "receive", id, audioPackets: 0, audioLost: 0, concealed: 0, samples: 0, bufferS: 0, bufferedSamples: 0 },
  ...{ framesDecoded: 0, freezes: 0, frozenS: 0 },
  ...more,
});
const figures = (...samples: readonly Sample[]): LinkFigures => ({ leaf: 1, tries: [], stream: "relay-tls", samples });
const sending: Sample = {
  ...{ side: "send", id: 1, audioPackets: 9, audioBytes: 9, videoFrames: 0, bytes: 9, rttMs: 40 },
  route: { type: "relay", relay: "tls", host: "relay.example" },
};

describe("a link's second", () => {
  it("is what was heard since the one before", () => {
    const meter = new LinkMeter();
    const [first, second] = [
      heard(2, { concealed: 100, samples: 48_000, bufferS: 100, bufferedSamples: 10_000 }),
      heard(2, { concealed: 580, samples: 96_000, bufferS: 3_000, bufferedSamples: 58_000 }),
    ];
    expect(meter.read(figures(first, sending), 0)).toMatchObject({
      sample: null,
      seen: false,
      rung: "relay-tls",
      host: "relay.example",
    });
    expect(meter.read(figures(second, sending), 500)).toBeUndefined();
    const bufferMs = (2_900 / 48_000) * 1_000;
    expect(meter.read(figures(second, sending), 1_000)?.sample).toEqual({
      ...{ concealed: 480, total: 48_000, rttMs: 40, frameMs: 20 },
      bufferMs: expect.closeTo(bufferMs, 6) as number,
    });
  });

  it("tells whether pictures come", () => {
    const meter = new LinkMeter();
    const read = (opened: number, nowMs: number): boolean | undefined =>
      meter.read({ ...figures(), opened: { audio: noOpenCounts(), video: { ...noOpenCounts(), opened } } }, nowMs)
        ?.pictures;
    // The first ones may be on their way.
    expect([read(0, 0), read(0, 2_000), read(0, 3_000)]).toEqual([true, true, false]);
    expect([read(1, 4_000), read(1, 6_000), read(1, 7_000), read(2, 8_000)]).toEqual([true, true, false, true]);
  });

  it("begins anew with another connection, and is nothing while none is heard", () => {
    const meter = new LinkMeter();
    meter.read(figures(heard(2, { samples: 9 })), 0);
    expect(meter.read(figures(heard(3, { samples: 4 })), 1_000)?.sample).toBeNull();
    expect(meter.read(figures(), 2_000)).toMatchObject({ sample: null, rung: null, host: "" });
    expect(meter.read(figures({ ...sending, route: { type: "srflx" } }), 3_000)?.rung).toBe("direct");
  });
});
