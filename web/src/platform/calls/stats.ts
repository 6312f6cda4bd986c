/** What of WebRTC's statistics a call uses. */
import type { ReceivingSample, RouteSample, SendingSample } from "../../core/callorders.ts";

/** One entry of an `RTCStatsReport`; the library's types lack most members. */
export type Entry = Readonly<Record<string, unknown>>;

const number = (entry: Entry | undefined, name: string): number => {
  const value = entry?.[name];
  return typeof value === "number" ? value : 0;
};
const text = (entry: Entry | undefined, name: string): string | undefined => {
  const value = entry?.[name];
  return typeof value === "string" ? value : undefined;
};

const TYPES: readonly string[] = ["host", "srflx", "prflx", "relay"];
const RELAYS: readonly string[] = ["udp", "tcp", "tls"];

/** The pair in use: its round trip, and how its local candidate reaches out. */
function readRoute(entries: readonly Entry[]): { rttMs?: number; route?: RouteSample } {
  const find = (id: unknown): Entry | undefined => entries.find((entry) => entry["id"] === id);
  const transport = entries.find((entry) => entry["type"] === "transport");
  const pair = find(transport?.["selectedCandidatePairId"]);
  const local = find(pair?.["localCandidateId"]);
  const rtt = pair?.["currentRoundTripTime"];
  const type = text(local, "candidateType");
  const relay = text(local, "relayProtocol");
  const host = /^turns?:([^:?]+|\[[^\]]+\])/.exec(text(local, "url") ?? "")?.[1];
  const route = {
    type,
    ...(relay !== undefined && RELAYS.includes(relay) && { relay }),
    ...(relay !== undefined && host !== undefined && { host }),
  } as RouteSample;
  return {
    ...(typeof rtt === "number" && { rttMs: rtt * 1_000 }),
    ...(type !== undefined && TYPES.includes(type) && { route }),
  };
}

const ofKind = (entries: readonly Entry[], type: string, kind: string): Entry | undefined =>
  entries.find((entry) => entry["type"] === type && entry["kind"] === kind);

export function readSending(id: number, entries: readonly Entry[]): SendingSample {
  const [audio, video] = [ofKind(entries, "outbound-rtp", "audio"), ofKind(entries, "outbound-rtp", "video")];
  return {
    ...{ side: "send", id },
    audioPackets: number(audio, "packetsSent"),
    audioBytes: number(audio, "bytesSent"),
    videoFrames: number(video, "framesSent"),
    bytes: number(audio, "bytesSent") + number(video, "bytesSent"),
    ...readRoute(entries),
  };
}

export function readReceiving(id: number, entries: readonly Entry[]): ReceivingSample {
  const [audio, video] = [ofKind(entries, "inbound-rtp", "audio"), ofKind(entries, "inbound-rtp", "video")];
  return {
    ...{ side: "receive", id },
    audioPackets: number(audio, "packetsReceived"),
    audioLost: number(audio, "packetsLost"),
    concealed: number(audio, "concealedSamples") - number(audio, "silentConcealedSamples"),
    samples: number(audio, "totalSamplesReceived"),
    bufferS: number(audio, "jitterBufferDelay"),
    bufferedSamples: number(audio, "jitterBufferEmittedCount"),
    framesDecoded: number(video, "framesDecoded"),
    freezes: number(video, "freezeCount"),
    frozenS: number(video, "totalFreezesDuration"),
    ...readRoute(entries),
  };
}
