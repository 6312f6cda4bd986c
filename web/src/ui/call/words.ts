/** Codes of a call in words. The catalogues hold a sentence for each; the tables here make the compiler ask for it. */
import type { CallEnd, CallPhase, CallRung, CallTried, CallView, CallWhy, CallWord } from "../../core/calls/view.ts";
import { t } from "../../i18n/catalogue.ts";
import { isolate, isolateLeftToRight } from "../../i18n/bidi.ts";
import { locale } from "../../i18n/number.ts";
import type { CallProblem } from "../../state/call.svelte.ts";

type Say = () => string;

const ENDS: Readonly<Record<CallEnd, Say>> = {
  declined: () => t.call_end_declined(),
  busy: () => t.call_end_busy(),
  unsupported: () => t.call_end_unsupported(),
  "no-answer": () => t.call_end_no_answer(),
  cancelled: () => t.call_end_cancelled(),
  missed: () => t.call_end_missed(),
  elsewhere: () => t.call_end_elsewhere(),
  "declined-elsewhere": () => t.call_end_declined_elsewhere(),
  failed: () => t.call_end_failed(),
  lost: () => t.call_end_lost(),
  hangup: () => t.call_ended(),
  remote: () => t.call_end_remote(),
  removed: () => t.call_end_removed(),
  "not-encrypted": () => t.call_end_not_encrypted(),
  full: () => t.call_end_full(),
};

const WHYS: Readonly<Record<CallWhy, Say>> = {
  "udp-blocked": () => t.call_why_udp_blocked(),
  "relay-unreachable": () => t.call_why_relay_unreachable(),
  "all-relays-blocked": () => t.call_why_all_relays_blocked(),
  "slow-network": () => t.call_why_slow_network(),
  "lossy-network": () => t.call_why_lossy_network(),
  "network-changed": () => t.call_why_network_changed(),
  "server-unreachable": () => t.call_why_server_unreachable(),
  "peer-silent": () => t.call_why_peer_silent(),
  "no-route": () => t.call_why_no_route(),
  "video-paused": () => t.call_why_video_paused(),
  "sound-alone": () => t.call_why_sound_alone(),
  "hidden-address": () => t.call_why_hidden_address(),
  "permission-denied": () => t.call_problem_permission_denied(),
  unsupported: () => t.call_problem_unsupported(),
  "not-encrypted": () => t.call_why_not_encrypted(),
};

const RUNG_WORDS: Readonly<Record<CallRung, readonly [name: Say, what: Say]>> = {
  direct: [() => t.call_rung_direct(), () => t.call_rung_direct_what()],
  "relay-udp": [() => t.call_rung_relay_udp(), () => t.call_rung_relay_udp_what()],
  "relay-tcp": [() => t.call_rung_relay_tcp(), () => t.call_rung_relay_tcp_what()],
  "relay-tls": [() => t.call_rung_relay_tls(), () => t.call_rung_relay_tls_what()],
  server: [() => t.call_rung_server(), () => t.call_rung_server_what()],
};
/** Best first. */
export const RUNGS = Object.keys(RUNG_WORDS) as readonly CallRung[];

const RESULTS: Readonly<Record<CallTried["result"], Say>> = {
  up: () => t.call_tried_up(),
  failed: () => t.call_tried_failed(),
  closed: () => t.call_tried_closed(),
  trying: () => t.call_tried_trying(),
};

const QUALITIES: Readonly<Record<CallWord, Say>> = {
  good: () => t.call_quality_good(),
  fair: () => t.call_quality_fair(),
  poor: () => t.call_quality_poor(),
  reconnecting: () => t.call_quality_reconnecting(),
};

const PROBLEMS: Readonly<Record<CallProblem["code"], Say>> = {
  "permission-denied": () => t.call_problem_permission_denied(),
  "no-device": () => t.call_problem_no_device(),
  unsupported: () => t.call_problem_unsupported(),
  following: () => t.call_problem_following(),
  failed: () => t.call_problem_failed(),
};

export const sayEnd = (end: CallEnd): string => ENDS[end]();
export const sayWhy = (why: CallWhy): string => WHYS[why]();
export const sayRung = (rung: CallRung): string => RUNG_WORDS[rung][0]();
export const explainRung = (rung: CallRung): string => RUNG_WORDS[rung][1]();
export const sayResult = (result: CallTried["result"]): string => RESULTS[result]();
export const sayQuality = (word: CallWord): string => QUALITIES[word]();
export const sayProblem = (code: CallProblem["code"]): string => PROBLEMS[code]();

/** What goes on, in one or two words; of an active call whose encryption is not proved yet, that. */
export function sayPhase(view: CallView): string {
  const said: Readonly<Record<CallPhase, Say>> = {
    idle: () => t.call_ended(),
    ringing: () =>
      view.direction === "outgoing"
        ? t.call_ringing()
        : view.kind === "video"
          ? t.call_incoming_video()
          : t.call_incoming_audio(),
    connecting: () => t.call_connecting(),
    active: () => (view.encrypted ? t.call_connected() : t.call_checking()),
    recovering: () => t.call_recovering(),
    ended: () => t.call_ended(),
  };
  return said[view.phase]();
}

/** Way and quality as one line of isolates, for a label. */
export function sayWay(view: CallView): string {
  const way = view.route ? sayRung(view.route.rung) : t.call_way_none();
  const host = view.route?.host;
  const parts = [way, ...(host === undefined ? [] : [isolateLeftToRight(host)])];
  return [...parts, ...(view.quality ? [sayQuality(view.quality.word)] : [])].join(" · ");
}

/** 2.4 s. */
export function formatSeconds(ms: number): string {
  const style = { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale(), style).format(ms / 1000);
}

export function formatPercent(percent: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(percent / 100);
}

export function formatMos(mos: number): string {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(mos);
}

/** What the live region says when it changes; nothing that ticks. */
export function announce(view: CallView, name: string): string {
  if (view.phase === "ended") return view.ended ? sayEnd(view.ended) : t.call_ended();
  if (view.phase === "ringing") return t.said({ who: sayPhase(view), text: isolate(name) });
  return sayPhase(view);
}
