/**
 * What of an SDP a call accepts (RFC 8866, RFC 8829), and how it is kept from showing addresses; twin of
 * zajil.protocol.calls.sdp.
 *
 * Both the peer's SDP and our own pass here: the peer's before the browser sees it, ours before it is sent. One audio
 * and at most one video section in one BUNDLE, over RTCP-mux and DTLS with a SHA-256 fingerprint; an offer only sends,
 * an answer only receives; no codec but those of calls. RED is none of them here: it travels as a line of its own, which
 * clients that do not know it pass over.
 */
import { error, type ZajilError } from "../errors.ts";
import { CANDIDATE_BYTES, CANDIDATES, SDP_BYTES } from "./limits.ts";

export type Role = "offer" | "answer";
/** The lines of one media section, its `m=` line first. */
type Section = readonly string[];

const CODECS: Readonly<Record<string, readonly string[]>> = {
  audio: ["opus/48000/2"],
  video: ["vp8/90000", "vp9/90000", "rtx/90000"],
};
const DIRECTIONS: readonly string[] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
const WANTED = { offer: "a=sendonly", answer: "a=recvonly" };
const FINGERPRINT = /^a=fingerprint:sha-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/i;
/** Beside SHA-256 a library may offer stronger hashes of the same certificate, never weaker ones. */
const HASH = /^a=fingerprint:sha-(256|384|512) /i;
const CANDIDATE = /^(?:a=)?candidate:\S+ \d+ \S+ \d+ \S+ \d+ typ (host|srflx|prflx|relay)(?: .*)?$/;
/** One spelling for each number: to browsers, which read it as such, 063 is 63. */
const MAP = /^a=(?:rtpmap|fmtp):(?:0|[1-9]\d{0,2}) .+$/;
const PRINTABLE = /^[ -~]*$/;
const BUNDLE = "a=group:BUNDLE ";
/** Before the payload type for which a browser takes, or sends, Opus in RED (RFC 2198). */
export const RED_LINE = "a=zajil-red:";

const wrong = (why: string): ZajilError => error("malformed", `SDP: ${why}`);

/** The lines of an SDP, whether CR LF or LF ends them; empty ones left out. */
export const splitLines = (sdp: string): string[] => sdp.replaceAll("\r\n", "\n").split("\n").filter(Boolean);

/** What follows a prefix, for each line that has it. */
const after = (lines: Section, prefix: string): string[] =>
  lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));

/** Throws Malformed unless a call may use this SDP in this role. At most 3,500 bytes and 20 candidates. */
export function checkSdp(sdp: string, role: Role): void {
  const lines = splitLines(sdp);
  if (sdp.length > SDP_BYTES || !lines.every((line) => PRINTABLE.test(line))) throw wrong("size or characters");
  if (!lines.every((line) => !/^a=(?:rtpmap|fmtp)/.test(line) || MAP.test(line))) throw wrong("codec");
  const [head, sections] = split(lines);
  const kinds = sections.map(([line = ""]) => line.slice(2).split(" ")[0]).join(" ");
  if (!["audio", "audio video", "video audio"].includes(kinds)) throw wrong("sections");
  const used = sections.filter((section) => !isRefused(section, role));
  if (!used.some(([line]) => line?.startsWith("m=audio "))) throw wrong("no audio");
  for (const section of used) checkSection(section, head, role);
  checkBundle(head, used);
  if (findRed(lines) !== undefined) checkRed(lines, sections);
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  if (candidates.length > CANDIDATES) throw wrong("too many candidates");
  for (const line of candidates) findType(line.slice(2));
}

/** The session's own lines, and the sections. */
function split(lines: Section): [head: Section, sections: Section[]] {
  const starts = lines.flatMap((line, at) => (line.startsWith("m=") ? [at] : []));
  if (starts.length === 0 || lines[0] !== "v=0") throw wrong("no session");
  return [lines.slice(0, starts[0]), starts.map((start, n) => lines.slice(start, starts[n + 1]))];
}

/** A video section that an answer turns down: inactive, or on port 0. */
function isRefused(section: Section, role: Role): boolean {
  if (role === "offer" || !section[0]?.startsWith("m=video ")) return false;
  return section.includes("a=inactive") || section[0].startsWith("m=video 0 ");
}

/** Of RTP, outside what is RTCP's beside it (RFC 5761 section 4). */
const DYNAMIC = /^(3[5-9]|[45]\d|6[0-3]|9[6-9]|1[01]\d|12[0-7])$/;

/** RED has a payload type of its own, told once, in the section of sound. */
function checkRed(lines: Section, sections: readonly Section[]): void {
  const [red = "", ...more] = after(lines, RED_LINE);
  const inAudio = sections.some((section) => section[0]?.startsWith("m=audio ") && section.includes(RED_LINE + red));
  const isMapped = after(lines, "a=rtpmap:").some((map) => map.split(" ")[0] === red);
  if (more.length > 0 || !DYNAMIC.test(red) || !inAudio || isMapped) throw wrong("RED");
}

/** The payload type of RED; undefined where the description offers or takes none. */
export const findRed = (lines: Section): string | undefined => after(lines, RED_LINE)[0];

function checkSection(section: Section, head: Section, role: Role): void {
  let directions = section.filter((line) => DIRECTIONS.includes(line));
  if (directions.length === 0) directions = head.filter((line) => DIRECTIONS.includes(line));
  if (directions.length !== 1 || directions[0] !== WANTED[role]) throw wrong("direction");
  if (!section.includes("a=rtcp-mux")) throw wrong("no rtcp-mux");
  const [kind = "", port = "", profile, ...rest] = section[0]?.slice(2).split(" ") ?? [];
  const payloads = rest.filter(Boolean);
  if (profile !== "UDP/TLS/RTP/SAVPF" || !/^\d+$/.test(port) || payloads.length === 0) throw wrong("media line");
  const codecs = new Map<string, string>();
  for (const line of after(section, "a=rtpmap:")) {
    const [payload = "", ...codec] = line.split(" ");
    // A payload type that is mapped twice may mean another codec to the browser than to us.
    if (codecs.has(payload)) throw wrong("codec");
    codecs.set(payload, codec.join(" ").toLowerCase());
  }
  if (!payloads.every((payload) => CODECS[kind]?.includes(codecs.get(payload) ?? ""))) throw wrong("codec");
}

/** One transport for all sections, and one certificate. */
function checkBundle(head: Section, used: readonly Section[]): void {
  const groups = after(head, BUNDLE);
  const bundled = groups[0]?.split(" ") ?? [];
  const seen = new Set<string>();
  for (const section of used) {
    const [mid = "", ...more] = after(section, "a=mid:");
    if (groups.length !== 1 || more.length > 0 || !mid || !bundled.includes(mid)) throw wrong("no BUNDLE");
    const lines = [...head, ...section].filter((line) => line.startsWith("a=fingerprint:"));
    const found = new Set(lines.flatMap((line) => FINGERPRINT.exec(line)?.[1]?.toUpperCase() ?? []));
    if (found.size !== 1 || !lines.every((line) => HASH.test(line))) throw wrong("fingerprint");
    for (const one of found) seen.add(one);
  }
  if (seen.size !== 1) throw wrong("two certificates");
}

/** `host`, `srflx`, `prflx` or `relay`. Throws Malformed for anything that is no candidate of at most 300 bytes. */
export function findType(candidate: string): string {
  const type = CANDIDATE.exec(candidate)?.[1];
  if (candidate.length > CANDIDATE_BYTES || !PRINTABLE.test(candidate) || !type) throw wrong("candidate");
  return type;
}

/**
 * Our own SDP under the relay policy: related addresses are zeroed.
 *
 * Throws Malformed if it holds a candidate that is no relay, so that an address of this device never leaves it.
 */
export function hideAddresses(sdp: string): string {
  const hidden = (line: string): string =>
    line.startsWith("a=candidate:") ? `a=${hideCandidate(line.slice(2))}` : line;
  return splitLines(sdp)
    .map((line) => `${hidden(line)}\r\n`)
    .join("");
}

/** As `hideAddresses`, for one candidate. */
export function hideCandidate(candidate: string): string {
  if (findType(candidate) !== "relay") throw wrong("an address that the policy hides");
  return candidate.replaceAll(/ raddr \S+ rport \d+/g, " raddr 0.0.0.0 rport 0");
}
