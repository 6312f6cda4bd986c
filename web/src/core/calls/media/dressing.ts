/**
 * What we change in SDP before a browser reads the peer's, and before the peer reads ours. What may be in one at all is
 * checked elsewhere.
 */
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

/** A description without header extensions but those that calls use; one that cannot be read is none of them. */
export const withoutExtensions = (sdp: string): string =>
  mapLines(sdp, (line) => {
    if (!/^a=extmap:/i.test(line)) return [line];
    const uri = /^a=extmap:\d+(?:\/\w+)? (\S+)/.exec(line)?.[1];
    return uri !== undefined && EXTENSIONS.includes(uri) ? [line] : [];
  });

/** An answer that asks for Opus with constant bit rate and without gaps in silence. */
export function withConstantOpus(sdp: string): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000\/2\s*$/m.exec(sdp)?.[1];
  if (payload === undefined) return sdp;
  return mapLines(sdp, (line) => {
    if (line.startsWith(`a=fmtp:${payload} `)) return [];
    return line.startsWith(`a=rtpmap:${payload} `) ? [line, `a=fmtp:${payload} ${OPUS}`] : [line];
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
