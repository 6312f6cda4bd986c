/** What a person is shown of a call: facts in words that the page translates; twin of zajil.client.calls.showing. */
import type { LinkKind, Try } from "../../protocol/calls/ladder.ts";
import { NO_QUALITY, NO_VIDEO, type Quality, type Sample, type Step } from "../../protocol/calls/quality.ts";
import { type CallState, type Peer, sounds } from "../../protocol/calls/state.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { CallEnd, CallPeer, CallPhase, CallRung, CallTried, CallView, CallWhy } from "./view.ts";

const FAULTS: readonly string[] = ["no-route", "permission-denied", "unsupported", "not-encrypted"];
const LOSSY_PCT = 5;
const PHASES: Readonly<Record<string, CallPhase>> = {
  outgoing: "ringing",
  incoming: "ringing",
  reconnecting: "recovering",
};
const RESULTS: Readonly<Record<Try["result"], CallTried["result"]>> = {
  ...{ works: "up", failed: "failed", timeout: "failed", stopped: "closed", trying: "trying" },
};

/**
 * How a link is. sample: of the last second. sealed, opened: frames so far. pictures: some came lately. seen: some of
 * ours were sealed, which none is for a device that takes sound alone. stream: what
 * relays of attempt B are reached over. host: of the relay or bridge.
 */
export interface Measure {
  readonly sample: Sample | null;
  readonly sealed: number;
  readonly opened: number;
  readonly pictures: boolean;
  readonly seen: boolean;
  readonly rung: CallRung | null;
  readonly stream?: "relay-tcp" | "relay-tls";
  readonly host: string;
  readonly tries: readonly Try[];
}

/** A link as it was last measured. */
export interface LinkFacts {
  readonly measure: Measure;
  readonly quality: Quality;
  readonly step: Step;
}

/**
 * Beside the machine's state: when the call began and whose it was, links by leaf, leaves of which nothing opened,
 * whether the network changed.
 */
export interface Scene {
  readonly gid: Uint8Array;
  readonly beganAt: number;
  readonly outgoing: boolean;
  readonly links: ReadonlyMap<number, LinkFacts>;
  readonly shut: ReadonlySet<number>;
  readonly moved: boolean;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** What a person may know now. */
export function makeView(state: CallState, { gid, beganAt, outgoing, links, shut, moved }: Scene): CallView {
  const up = state.peers.filter((peer) => peer.up);
  const measured = up.flatMap(({ leaf }) => links.get(leaf) ?? []);
  const worst = measured.reduce<LinkFacts | undefined>(
    (least, link) => (least && least.quality.mos <= link.quality.mos ? least : link),
    undefined,
  );
  const { mos, rttMs, lossPct, word: named } = worst?.quality ?? NO_QUALITY;
  const word = state.phase === "reconnecting" ? "reconnecting" : named;
  // A sibling answered: nothing rings here any more, whatever follows.
  const elsewhere = state.phase === "incoming" && state.quiet;
  const reason = state.reason === "alone" ? "hangup" : state.reason;
  const ended = elsewhere ? "elsewhere" : reason;
  const paused = measured.length > 0 && measured.every(({ step }) => NO_VIDEO.includes(step));
  const seen = measured.some(({ measure }) => measure.seen);
  const unopened = state.peers.every(({ leaf }) => shut.has(leaf));
  const why = findWhy(state, { moved, paused, seen, unopened }, worst);
  const { rung, host } = worst?.measure ?? {};
  return {
    phase: elsewhere ? "ended" : (PHASES[state.phase] ?? (state.phase as CallPhase)),
    ...{ chat: encodeB64(gid), call: encodeB64(state.call), direction: outgoing ? "outgoing" : "incoming" },
    ...{ kind: state.kind, since: state.since ?? beganAt, silent: !sounds(state), mic: state.mic, camera: state.cam },
    peers: state.peers.map((peer) => ({ ...viewPeer(state, peer, links.get(peer.leaf)), shut: shut.has(peer.leaf) })),
    ...(rung && { route: host ? { rung, host } : { rung } }),
    ...(word && { quality: { word, mos: rounded(mos, 2), rtt_ms: Math.round(rttMs), loss_pct: rounded(lossPct, 1) } }),
    tried: tried(state, links),
    encrypted: up.length > 0 && measured.length === up.length && measured.every(({ measure }) => proves(measure)),
    hidden_address: state.relayOnly,
    // The words of the machine are those of the view, but for the two above.
    ...(ended && { ended: ended as CallEnd }),
    ...(why && { why }),
  };
}

const proves = ({ sealed, opened }: Measure): boolean => sealed > 0 && opened > 0;

function viewPeer(
  { since }: CallState,
  { leaf, account, mic, cam, up }: Peer,
  link?: LinkFacts,
): Omit<CallPeer, "shut"> {
  const quality = since !== null && !up ? "reconnecting" : link?.quality.word || "unknown";
  const paused = cam && up && link?.measure.pictures === false;
  return { leaf, account: encodeB64(account), mic, camera: cam, quality, up, paused };
}

/** The ways of the link that took the longest to find one. */
function tried({ relayOnly }: CallState, links: ReadonlyMap<number, LinkFacts>): CallTried[] {
  let [tries, stream]: [readonly Try[], CallRung | undefined] = [[], undefined];
  for (const { measure } of links.values())
    if (measure.tries.length > tries.length) [tries, stream] = [measure.tries, measure.stream];
  const rungs: Readonly<Record<LinkKind, CallRung>> = {
    ...{ A: relayOnly ? "relay-udp" : "direct", B: stream ?? "relay-tls", C: "server" },
  };
  return tries.map(({ kind, result, ms }) => ({ rung: rungs[kind], result: RESULTS[result], ms }));
}

/** The one line that explains what a person notices. */
function findWhy(
  { fault, phase, cam, relayOnly }: CallState,
  { moved, paused, seen, unopened }: Readonly<Record<"moved" | "paused" | "seen" | "unopened", boolean>>,
  worst?: LinkFacts,
): CallWhy | undefined {
  if (FAULTS.includes(fault)) return fault as CallWhy;
  if (phase === "reconnecting" && unopened) return "not-encrypted";
  if (phase === "reconnecting") return moved ? "network-changed" : "peer-silent";
  if (!worst) return undefined;
  const { quality, measure } = worst;
  const failed = (kind: LinkKind): boolean =>
    measure.tries.some((one) => one.kind === kind && RESULTS[one.result] === "failed");
  // Sound alone goes over the server.
  if (measure.rung === "server" && cam) return "video-paused";
  if (quality.word === "poor") return quality.lossPct >= LOSSY_PCT ? "lossy-network" : "slow-network";
  if (paused && cam) return "video-paused";
  if (cam && !seen && measure.rung !== "server") return "sound-alone";
  if (measure.rung === "server" && failed("A") && failed("B")) return "all-relays-blocked";
  // Without a relay at all nothing is said of one.
  if (measure.rung === "server" && (failed("B") || (relayOnly && failed("A")))) return "relay-unreachable";
  if ((measure.rung === "relay-tcp" || measure.rung === "relay-tls") && failed("A")) return "udp-blocked";
  return relayOnly ? "hidden-address" : undefined;
}
