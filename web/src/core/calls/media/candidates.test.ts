/** What the peer learns of our candidates. */
import { expect, test } from "vitest";
import { CandidatesOut, worthATry } from "./candidates.ts";
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

test("nothing is said of those that only call, and that no more follow is said alone after a second", () => {
  const sent: BareSignal[] = [];
  const out = new CandidatesOut({ leaf: 1, pc: 64, policy: "all" }, { signal: (_, signal) => sent.push(signal) });
  out.begin();
  out.add(["candidate:3 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active generation 0"], false);
  out.flush();
  expect(sent).toEqual([]);
  out.add([HOST], false);
  out.flush();
  out.add([], true);
  for (let turn = 1; turn < 10; turn++) out.flush();
  expect(sent).toEqual([{ t: "cand", pc: 64, cands: [HOST], done: false }]);
  for (let turn = 10; turn < 30; turn++) out.flush();
  expect(sent.slice(1)).toEqual([{ t: "cand", pc: 64, cands: [], done: true }]);
});

test("from a relay alone no private address of the peer is tried, but every relay and every public address", () => {
  const at = (address: string, type = "host"): string => `candidate:1 1 udp 1 ${address} 40000 typ ${type}`;
  const kept = [at("203.0.113.9", "srflx"), at("172.32.0.1"), at("100.128.0.1"), at("2001:db8::1"), RELAY];
  const own = [...["10.0.0.5", "172.16.4.4", "172.31.4.4", "192.168.1.2", "100.64.0.1", "169.254.3.3", "127.0.0.1"]];
  const dropped = [...own, "fd00::5", "fe80::5", "::1", "5f1c.local"].map((address) => at(address));
  const relays = [at("10.0.0.9", "relay"), at("127.0.0.1", "relay")];
  expect(worthATry([...dropped, ...kept, ...relays], "relay")).toEqual([...kept, ...relays]);
  expect(worthATry(dropped, "all")).toEqual(dropped);
});
