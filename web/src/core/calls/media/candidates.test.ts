/** What the peer learns of our candidates. */
import { expect, test } from "vitest";
import { CandidatesOut } from "./candidates.ts";
import type { BareSignal } from "./shared.ts";

const HOST = "candidate:1 1 udp 2122194687 192.0.2.2 40000 typ host generation 0 ufrag u";
const RELAY = "candidate:2 1 udp 41885439 198.51.100.1 50000 typ relay raddr 192.0.2.2 rport 40000 generation 0";
const HIDDEN = "candidate:2 1 udp 41885439 198.51.100.1 50000 typ relay raddr 0.0.0.0 rport 0 generation 0";
const NETWORK = " network-id 3 network-cost 10";

test.each([
  ["all", [HOST, RELAY]],
  ["relay", [HIDDEN]],
] as const)("under the policy %s", (policy, cands) => {
  const sent: BareSignal[] = [];
  const out = new CandidatesOut({ leaf: 1, pc: 64, policy }, { signal: (_, signal) => sent.push(signal) });
  out.add([HOST + NETWORK, RELAY + NETWORK, "candidate:nothing"], true);
  out.begin();
  expect(sent).toEqual([{ t: "cand", pc: 64, cands, done: true }]);
});
