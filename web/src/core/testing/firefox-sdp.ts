/** The video section that Firefox ESR 153 offers where VP8 and RTX are the only codecs left to its transceiver. */

/** What it describes of codecs that the media line does not name. */
const UNUSED = [121, 99, 123, 122].flatMap((payload) =>
  ["nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"].map((feedback) => `a=rtcp-fb:${payload} ${feedback}`),
);
const session = [
  "v=0",
  "o=mozilla...THIS_IS_SDPARTA-99.0 7640085108363208234 0 IN IP4 0.0.0.0",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 109",
  "a=mid:0",
  "a=rtpmap:109 opus/48000/2",
  "m=video 0 UDP/TLS/RTP/SAVPF 120 124",
  "c=IN IP4 0.0.0.0",
  "a=bundle-only",
  "a=sendonly",
  "a=fmtp:120 max-fs=12288;max-fr=60",
  "a=fmtp:124 apt=120",
  "a=mid:1",
  "a=rtcp-fb:120 nack",
  "a=rtcp-fb:120 nack pli",
];
const rest = ["a=rtcp-mux", "a=rtpmap:120 VP8/90000", "a=rtpmap:124 rtx/90000", "a=setup:actpass"];
const join = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");

/** As Firefox wrote it, shortened in its audio section. */
export const FIREFOX_OFFER = join(...session, ...UNUSED, ...rest);
/** The same without feedback of unused codecs. */
export const READABLE_OFFER = join(...session, ...rest);
