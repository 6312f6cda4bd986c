/** What is changed in SDP, and which relays an attempt may use. */
import { describe, expect, it } from "vitest";
import { EXTENSIONS } from "../../callorders.ts";
import { FIREFOX_OFFER, READABLE_OFFER } from "../../testing/firefox-sdp.ts";
import {
  reachable,
  withConstantOpus,
  withoutCandidates,
  withoutExtensions,
  withoutRed,
  withoutUnusedPayloads,
  withRedApart,
  withRedInside,
} from "./dressing.ts";

const sdp = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");

describe("SDP", () => {
  it("loses every header extension but those of calls", () => {
    const kept = EXTENSIONS.map((uri, at) => `a=extmap:${at + 2} ${uri}`);
    const gone = ["a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:9/sendonly urn:x vad=on"];
    gone.push("a=extmap:3  urn:two:spaces", "a=extmap:x urn:y", "a=extmap:4/send-only urn:z", "A=extmap:5 urn:a");
    expect(withoutExtensions(sdp("v=0", ...gone, ...kept, "a=mid:0"))).toBe(sdp("v=0", ...kept, "a=mid:0"));
    expect(withoutExtensions("v=0\na=extmap-allow-mixed\n")).toBe(sdp("v=0", "a=extmap-allow-mixed"));
  });

  it("asks for Opus with one size of packet, whatever stood there", () => {
    const opus = "a=fmtp:111 minptime=10;useinbandfec=1;stereo=0;usedtx=0;cbr=1";
    const map = "a=rtpmap:111 opus/48000/2";
    expect(withConstantOpus(sdp(map, "a=fmtp:111 usedtx=1", "a=fmtp:97 apt=96"))).toBe(
      sdp(map, opus, "a=fmtp:97 apt=96"),
    );
    expect(withConstantOpus(sdp(map))).toBe(sdp(map, opus));
    expect(withConstantOpus(sdp("m=audio 9 x 0"))).toBe(sdp("m=audio 9 x 0"));
  });

  it("asks for constant Opus under each number that is mapped to it", () => {
    const asked = "minptime=10;useinbandfec=1;stereo=0;usedtx=0;cbr=1";
    const [first, second] = ["a=rtpmap:111 opus/48000/2", "a=rtpmap:112 OPUS/48000/2"];
    const pauses = ["a=fmtp:111 usedtx=1", "a=fmtp:112 usedtx=1;cbr=0"];
    expect(withConstantOpus(sdp("m=audio 9 x 112 111", first, second, ...pauses))).toBe(
      sdp("m=audio 9 x 112 111", first, `a=fmtp:111 ${asked}`, second, `a=fmtp:112 ${asked}`),
    );
  });

  /** payloads: of the line of sound. */
  const audio = (payloads: string, ...lines: readonly string[]): string =>
    sdp("v=0", `m=audio 9 UDP/TLS/RTP/SAVPF ${payloads}`, "a=mid:0", ...lines, "a=fmtp:111 cbr=1");
  const OPUS = "a=rtpmap:111 opus/48000/2";
  const RED = ["a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"];

  it("carries RED as a line of its own, of which the other side makes the first codec again", () => {
    const [inside, apart] = [audio("63 111", ...RED, OPUS), audio("111", "a=zajil-red:63", OPUS)];
    expect(withRedApart(inside)).toBe(apart);
    expect(withRedApart(audio("111 63", OPUS, ...RED, "a=rtcp-fb:63 x"))).toBe(audio("111", "a=zajil-red:63", OPUS));
    expect(withRedInside(apart)).toBe(inside);
    expect(withoutRed(inside)).toBe(audio("111", OPUS));
  });

  it("leaves a description without RED, or without Opus, as it is", () => {
    for (const dress of [withRedApart, withRedInside, withoutRed])
      expect(dress(audio("111", OPUS))).toBe(audio("111", OPUS));
    expect(withRedInside(audio("0", "a=zajil-red:63"))).toBe(audio("0", "a=zajil-red:63"));
    expect(withRedApart(audio("63 0", ...RED))).toBe(audio("0"));
  });

  it("describes no payload type that the media line of its section does not name", () => {
    expect(withoutUnusedPayloads(FIREFOX_OFFER)).toBe(READABLE_OFFER);
    const kept = ["a=rtcp-fb:* nack", "a=fmtp:111 x", "a=rtcp-fb:111 nack", "a=mid:0"];
    const gone = ["a=rtpmap:96 VP8/90000", "a=fmtp:96 x", "a=rtcp-fb:11 nack"];
    expect(withoutUnusedPayloads(sdp("v=0", "m=audio 9 P 111", ...kept, ...gone, "m=video 9 P 96", ...gone))).toBe(
      sdp("v=0", "m=audio 9 P 111", ...kept, "m=video 9 P 96", ...gone.slice(0, 2)),
    );
  });

  it("carries no candidate", () => {
    expect(withoutCandidates(sdp("v=0", "a=candidate:1 1 udp 1 h 1 typ host", "a=end-of-candidates", "a=mid:0"))).toBe(
      sdp("v=0", "a=mid:0"),
    );
  });
});

describe("relays", () => {
  it("are parted by how they are reached", () => {
    const server = { username: "u", credential: "c" };
    const all = [{ ...server, urls: ["turn:a?transport=udp", "turn:a?transport=tcp", "turns:a?transport=tcp"] }];
    expect(reachable(all, "udp")).toEqual([{ ...server, urls: ["turn:a?transport=udp"] }]);
    expect(reachable(all, "stream")).toEqual([{ ...server, urls: ["turn:a?transport=tcp", "turns:a?transport=tcp"] }]);
    expect(reachable([{ urls: ["turns:a"] }], "udp")).toEqual([]);
  });
});
