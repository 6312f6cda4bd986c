/** Private bridges in links, and the secret path, by the vectors that Python wrote. */
import { describe, expect, it } from "vitest";
import pathVectors from "../../../../vectors/bridge-path.json";
import vectors from "../../../../vectors/service/links.json";
import { encodeHex, parseHex as hex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { encodeContactLink, parseContactLink } from "../identity/links.ts";
import { encodeB64 } from "../ids.ts";
import { bridgePath } from "./bridgepath.ts";
import {
  encodeBridgeLink,
  encodePrivateBridges,
  endpointsOf,
  isHost,
  parseBridgeLink,
  parsePrivateBridges,
} from "./endpoints.ts";

const BRIDGES = parseBridgeLink(vectors.bridge_text);
const [, FRAGMENT = ""] = vectors.bridge_link.split("#");

describe("bridge links", () => {
  it("are read in every form and written as Python's", () => {
    for (const text of [
      vectors.bridge_link,
      ` ${vectors.bridge_link}\n`,
      FRAGMENT,
      `#${FRAGMENT}`,
      `ZAJIL:${FRAGMENT}`,
    ])
      expect(parseBridgeLink(text)).toEqual(BRIDGES);
    expect([BRIDGES.root_hash, BRIDGES.token_id, BRIDGES.token].map(encodeHex)).toEqual([
      vectors.bridges.root_hash,
      vectors.bridges.token_id,
      vectors.bridges.token,
    ]);
    expect(BRIDGES.bridges).toEqual(vectors.bridges.bridges);
    expect(encodeBridgeLink(BRIDGES)).toBe(vectors.bridge_text);
    expect(encodeBridgeLink(BRIDGES, "https://home.example/")).toBe(vectors.bridge_link);
  });

  it("hold endpoints in their order", () => {
    const base = { kind: "bridge", token: BRIDGES.token, weight: 10, private: true };
    expect(endpointsOf(BRIDGES)).toEqual([
      { ...base, id: "private-1", host: "a.example", port: 443, dir: "assets" },
      { ...base, id: "private-2", host: "10.0.0.7", port: 8443, dir: "img/x" },
    ]);
  });

  it("ride in a contact link", () => {
    const link = parseContactLink(vectors.contact_link_with_bridges);
    expect(link.bridges).toEqual(BRIDGES);
    expect(encodeContactLink(link)).toBe(vectors.contact_link_with_bridges);
    expect(encodeContactLink({ ...link, bridges: null })).toBe(vectors.contact_link);
  });

  it.each(vectors.refused_bridges)("refuse $about", ({ hex: data }) => {
    expect(() => parsePrivateBridges(hex(data))).toThrow("bad-link");
    expect(() => parseBridgeLink(encodeB64(hex(data)))).toThrow("bad-link");
    const fields = new Map<cbor.Key, cbor.Value>([
      [1, 1],
      [2, "home.example"],
      [5, 1],
      [7, hex(data)],
    ]);
    expect(() => parseContactLink(encodeB64(cbor.encode(fields)))).toThrow("bad-link");
  });

  it.each([
    "",
    "#",
    "zajil:",
    "zajil",
    "https://a/b#",
    `javascript:/b#${FRAGMENT}`,
    `https://a/i#${FRAGMENT}`,
    `${FRAGMENT}=`,
  ])("refuse %j", (text) => {
    expect(() => parseBridgeLink(text)).toThrow("bad-link");
  });

  it("are not made of what nobody would read", () => {
    expect(() => encodePrivateBridges({ ...BRIDGES, bridges: [] })).toThrow("wrong-call");
    expect(() => encodePrivateBridges({ ...BRIDGES, bridges: [["A", 443, "x"]] })).toThrow("wrong-call");
  });
});

describe("the secret path", () => {
  it.each(pathVectors.paths)("$path", ({ token, host, dir, now_s, nonce, path }) => {
    expect(bridgePath(hex(token), host, dir, { nowS: now_s, nonce: hex(nonce) })).toBe(path);
    expect(() => bridgePath(hex(token), host, dir, { nowS: now_s, nonce: new Uint8Array(7) })).toThrow("wrong-call");
  });
});

describe("a host", () => {
  it("is what every URL parser takes for one: the table of test_reach_links.py", () => {
    const hosts = ["a", "bridge.example", "192.0.2.1", "xn--mgbh0fb.example", "1a.example", "a.0b"];
    expect(hosts.filter((host) => !isHost(host))).toEqual([]);
    const malformed = ["", "-a", "a-.b", "A.b", "a..b", "a.", "a_b", "a".repeat(64), "::1", "مثال.example"];
    const unparsed = ["xn--a", "xn--.example", "999.1.1.1", "1.2.3", "a.1", "0x1", "010.0.0.1", "1"];
    expect([...malformed, ...unparsed].filter(isHost)).toEqual([]);
  });
});
