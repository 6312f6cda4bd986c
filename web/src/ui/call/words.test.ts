/** Every code of a call has words in each language. */
import { beforeEach, expect, test, vi } from "vitest";
import type { CallEnd, CallView, CallWhy } from "../../core/calls/view.ts";
import { LANGUAGES, useLanguage, useWords } from "../../i18n/catalogue.ts";
import { RUNGS, explainRung, sayEnd, sayPhase, sayRung, sayWay, sayWhy } from "./words.ts";

const ENDS: readonly CallEnd[] = [
  ...(["declined", "busy", "unsupported", "no-answer", "cancelled", "missed", "elsewhere"] as const),
  ...(["declined-elsewhere", "failed", "lost", "hangup", "remote", "removed", "not-encrypted", "full"] as const),
];
const WHYS: readonly CallWhy[] = [
  ...(["udp-blocked", "relay-unreachable", "all-relays-blocked", "slow-network", "lossy-network"] as const),
  ...(["network-changed", "server-unreachable", "peer-silent", "no-route", "video-paused"] as const),
  ...(["sound-alone", "hidden-address", "permission-denied", "unsupported", "not-encrypted"] as const),
];
const VIEW: CallView = {
  phase: "active",
  chat: "c",
  call: "k",
  direction: "outgoing",
  kind: "audio",
  since: 0,
  silent: false,
  peers: [],
  mic: true,
  camera: false,
  route: { rung: "relay-tls", host: "relay.example" },
  quality: { word: "fair", mos: 3.4, rtt_ms: 80, loss_pct: 1 },
  tried: [],
  encrypted: true,
  hidden_address: true,
};

beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} });
});

test.each(LANGUAGES)("%s: words for every code", async (language) => {
  await useLanguage(language);
  await useWords("chat", "call");
  const said = [
    ...ENDS.map(sayEnd),
    ...WHYS.map(sayWhy),
    ...RUNGS.flatMap((rung) => [sayRung(rung), explainRung(rung)]),
    ...(["ringing", "connecting", "active", "recovering", "ended"] as const).map((phase) =>
      sayPhase({ ...VIEW, phase }),
    ),
    sayPhase({ ...VIEW, phase: "ringing", direction: "incoming", kind: "video" }),
  ];
  expect(said.filter((words) => /^call_/.test(words) || words === "")).toEqual([]);
});

test("an active call whose encryption is not proved says so", async () => {
  await useLanguage("en");
  await useWords("call");
  expect(sayPhase({ ...VIEW, encrypted: false })).toBe("Checking the encryption…");
  expect(sayPhase(VIEW)).toBe("Connected");
});

test("the way in one line, its host left to right whatever stands around", async () => {
  await useLanguage("en");
  await useWords("call");
  expect(sayWay(VIEW)).toBe("Relay over TLS · \u2066relay.example\u2069 · Fair");
  const { route: _route, quality: _quality, ...none } = VIEW;
  expect(sayWay(none)).toBe("No way yet");
});
