/**
 * What we change in SDP before a browser reads the peer's, and before the peer reads ours. What may be in one at all is
 * checked elsewhere.
 */
import { findRed, RED_LINE, splitLines } from "../../../protocol/calls/sdp.ts";
import { EXTENSIONS, type IceServer } from "../../callorders.ts";

/** One packet size whatever is said (RFC 6562), and repair of lost packets. */
const OPUS = "minptime=10;useinbandfec=1;stereo=0;usedtx=0;cbr=1";

const mapLines = (sdp: string, change: (line: string) => readonly string[]): string =>
  sdp
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .flatMap(change)
    .map((line) => `${line}\r\n`)
    .join("");

/** The payload type of a codec of sound. */
const mapped = (sdp: string, codec: "opus" | "red"): string | undefined =>
  new RegExp(`^a=rtpmap:(\\d+) ${codec}/48000/2\\s*$`, "im").exec(sdp)?.[1];

/** A description without header extensions but those that calls use; one that cannot be read is none of them. */
export const withoutExtensions = (sdp: string): string =>
  mapLines(sdp, (line) => {
    if (!/^a=extmap:/i.test(line)) return [line];
    const uri = /^a=extmap:\d+(?:\/\w+)? (\S+)/.exec(line)?.[1];
    return uri !== undefined && EXTENSIONS.includes(uri) ? [line] : [];
  });

/**
 * A description whose sections describe the payload types of their media line and no others.
 *
 * Firefox leaves feedback and parameters of codecs that it took out of a section; Chromium refuses such a description.
 */
export function withoutUnusedPayloads(sdp: string): string {
  let used: readonly string[] | undefined;
  return mapLines(sdp, (line) => {
    if (line.startsWith("m=")) used = line.split(" ").slice(3);
    const payload = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)(?: |$)/.exec(line)?.[1];
    return payload === undefined || used === undefined || used.includes(payload) ? [line] : [];
  });
}

/** A description without candidates, unused payload types and header extensions that calls do not use. */
export const stripped = (sdp: string): string => withoutUnusedPayloads(withoutExtensions(withoutCandidates(sdp)));

/** A description that asks for Opus with constant bit rate and without gaps in silence, and for nothing else of it. */
export function withConstantOpus(sdp: string): string {
  const payloads = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000\/2\s*$/gim)].map(([, payload]) => payload);
  const isOf = (line: string, attribute: string): boolean =>
    payloads.some((payload) => line.startsWith(`a=${attribute}:${payload} `));
  return mapLines(sdp, (line) => {
    if (isOf(line, "fmtp")) return [];
    return isOf(line, "rtpmap") ? [line, line.replace(/^a=rtpmap:(\d+) .*$/, `a=fmtp:$1 ${OPUS}`)] : [line];
  });
}

/** A description without RED. */
export function withoutRed(sdp: string): string {
  const red = mapped(sdp, "red");
  if (red === undefined) return sdp;
  return mapLines(sdp, (line) => {
    if (line.startsWith("m=audio ")) return [withPayloads(line, (payloads) => payloads.filter((one) => one !== red))];
    return new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${red} `).test(line) ? [] : [line];
  });
}

function withPayloads(line: string, change: (payloads: readonly string[]) => readonly string[]): string {
  const [kind = "", port = "", profile = "", ...payloads] = line.split(" ");
  return [kind, port, profile, ...change(payloads)].join(" ");
}

/** A browser's description as it travels: RED as a line of its own, which clients that do not know it pass over. */
export function withRedApart(sdp: string): string {
  const [opus, red] = [mapped(sdp, "opus"), mapped(sdp, "red")];
  if (opus === undefined || red === undefined) return withoutRed(sdp);
  return mapLines(withoutRed(sdp), (line) =>
    line.startsWith(`a=rtpmap:${opus} `) ? [`${RED_LINE}${red}`, line] : [line],
  );
}

/** A description that travelled, for the browser: RED is a codec again, and the one to be used. */
export function withRedInside(sdp: string): string {
  const [opus, red] = [mapped(sdp, "opus"), findRed(splitLines(sdp))];
  if (opus === undefined || red === undefined) return sdp;
  return mapLines(sdp, (line) => {
    if (line.startsWith("m=audio ")) return [withPayloads(line, (payloads) => [red, ...payloads])];
    return line.startsWith(RED_LINE) ? [`a=rtpmap:${red} red/48000/2`, `a=fmtp:${red} ${opus}/${opus}`] : [line];
  });
}

/** The candidates in an SDP: a client that gathers before it describes itself puts them there. */
export const candidatesIn = (sdp: string): readonly string[] =>
  sdp.split(/\r?\n/).flatMap((line) => (line.startsWith("a=candidate:") ? [line.slice(2)] : []));

/** An SDP without candidates: ours travel in signals of their own, and a peer's are looked at before they are tried. */
export const withoutCandidates = (sdp: string): string =>
  mapLines(sdp, (line) => (/^a=(candidate:|end-of-candidates)/.test(line) ? [] : [line]));

/** The part of the relays' URLs that an attempt may use. */
export type Reach = "udp" | "stream";

/** Relays with the URLs of one kind alone, those without any left out. */
export const reachable = (servers: readonly IceServer[], reach: Reach): readonly IceServer[] =>
  servers
    .map((server) => ({ ...server, urls: server.urls.filter((url) => isStream(url) === (reach === "stream")) }))
    .filter((server) => server.urls.length > 0);

const isStream = (url: string): boolean => url.startsWith("turns:") || url.includes("transport=tcp");
