/** Statistics as Chromium 156 writes them, cut to what is read. */
import { describe, expect, it } from "vitest";
import { problemOf } from "./devices.ts";
import { type Entry, readReceiving, readSending } from "./stats.ts";

const path = (local: Entry): Entry[] => [
  { type: "transport", id: "T", selectedCandidatePairId: "P" },
  { type: "candidate-pair", id: "P", localCandidateId: "L", currentRoundTripTime: 0.012 },
  { type: "candidate-pair", id: "Q", localCandidateId: "M", currentRoundTripTime: 9 },
  { ...local, type: "local-candidate", id: "L" },
];

describe("statistics", () => {
  it("of a sender", () => {
    const entries = [
      { type: "outbound-rtp", kind: "audio", packetsSent: 50, bytesSent: 4_000 },
      { type: "outbound-rtp", kind: "video", framesSent: 20, bytesSent: 9_000 },
      ...path({ candidateType: "relay", relayProtocol: "tls", url: "turns:relay.example:443?transport=tcp" }),
    ];
    expect(readSending(3, entries)).toEqual({
      ...{ side: "send", id: 3, audioPackets: 50, audioBytes: 4_000, videoFrames: 20, bytes: 13_000, rttMs: 12 },
      route: { type: "relay", relay: "tls", host: "relay.example" },
    });
  });

  it("of a receiver, without sound concealed in silence", () => {
    const entries = [
      {
        ...{ type: "inbound-rtp", kind: "audio", packetsReceived: 40, packetsLost: 2 },
        ...{ concealedSamples: 960, silentConcealedSamples: 480, totalSamplesReceived: 48_000 },
        ...{ jitterBufferDelay: 1.5, jitterBufferEmittedCount: 24_000 },
      },
      { type: "inbound-rtp", kind: "video", framesDecoded: 18, freezeCount: 1, totalFreezesDuration: 0.3 },
      ...path({ candidateType: "host" }),
    ];
    expect(readReceiving(4, entries)).toEqual({
      ...{ side: "receive", id: 4, audioPackets: 40, audioLost: 2, concealed: 480, samples: 48_000 },
      ...{ bufferS: 1.5, bufferedSamples: 24_000, framesDecoded: 18, freezes: 1, frozenS: 0.3 },
      ...{ rttMs: 12, route: { type: "host" } },
    });
  });

  it("of a connection that has none yet", () => {
    expect(readSending(5, [])).toEqual({
      side: "send",
      id: 5,
      audioPackets: 0,
      audioBytes: 0,
      videoFrames: 0,
      bytes: 0,
    });
  });
});

describe("devices", () => {
  it("fail with a code for the person", () => {
    const named = (name: string): Error => Object.assign(new Error("x"), { name });
    expect(problemOf(named("NotAllowedError"))).toBe("permission-denied");
    expect(problemOf(named("NotFoundError"))).toBe("device-absent");
    expect(problemOf(named("NotReadableError"))).toBe("device-busy");
    expect(problemOf("odd")).toBe("device-busy");
  });
});
