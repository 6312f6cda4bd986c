/** WebCrypto and HPKE behind core/crypto: the roster vector, Ed25519, and the seal of a link answer. */
import { describe, expect, it } from "vitest";
import vectors from "../../../vectors/service/roster.json";
import { encodeHex, encodeText, parseHex as hex } from "../protocol/bytes.ts";
import { error } from "../protocol/errors.ts";
import { rosterKey } from "../protocol/roster.ts";
import { openRoster, publicKeyOf, sealRoster, signerOf, verify } from "./crypto.ts";
import { ENC_BYTES, makeSealKeys, sealTo } from "./hpke.ts";

describe("roster", () => {
  const key = hex(vectors.roster_key);
  const at = { gid: hex(vectors.gid), epoch: vectors.epoch };
  const entries = vectors.entries.map(([leaf, ref]) => ({ leaf: Number(leaf), deliver_to: hex(String(ref)) }));
  const sealed = hex(vectors.sealed);

  it("is sealed as Python seals it", async () => {
    expect(encodeHex(rosterKey(hex(vectors.group_secret)))).toBe(vectors.roster_key);
    expect(encodeHex(await sealRoster(key, at, [...entries].reverse(), hex(vectors.nonce)))).toBe(vectors.sealed);
    expect(await openRoster(key, at, sealed)).toEqual(entries);
  });

  it("opens for nothing else", async () => {
    const flipped = sealed.slice();
    flipped[100] = (flipped[100] ?? 0) ^ 1;
    for (const [k, place, data] of [
      [key.slice().fill(0), at, sealed],
      [key, { ...at, epoch: 8 }, sealed],
      [key, { ...at, gid: new Uint8Array(16) }, sealed],
      [key, at, flipped],
      [key, at, sealed.subarray(0, 20)],
      [key, at, new Uint8Array()],
    ] as const) {
      await expect(openRoster(k, place, data)).rejects.toThrow("bad-roster-key");
    }
  });

  it("takes each leaf once and hides the count", async () => {
    const doubled = [
      { leaf: 1, deliver_to: hex("00") },
      { leaf: 1, deliver_to: hex("01") },
    ];
    await expect(sealRoster(key, at, doubled, hex(vectors.nonce))).rejects.toThrow("wrong-call");
    const many = Array.from({ length: 20 }, (_, leaf) => ({ leaf, deliver_to: new Uint8Array(54) }));
    expect((await sealRoster(key, at, many, hex(vectors.nonce))).length).toBe(12 + 2048 + 16);
    expect((await sealRoster(key, at, [], hex(vectors.nonce))).length).toBe(12 + 1024 + 16);
  });
});

describe("Ed25519", () => {
  it("signs as RFC 8032's first test does", async () => {
    const seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    const pub = await publicKeyOf(seed);
    expect(encodeHex(pub)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    const sig = await (await signerOf(seed))(new Uint8Array());
    expect(encodeHex(sig).slice(0, 32)).toBe("e5564300c360ac729086e2cc806e828a");
    expect(await verify(pub, sig, new Uint8Array())).toBe(true);
    expect(await verify(pub, sig, hex("00"))).toBe(false);
    expect(await verify(pub.subarray(1), sig, new Uint8Array())).toBe(false);
    expect(await verify(pub, sig.subarray(1), new Uint8Array())).toBe(false);
    await expect(signerOf(seed.subarray(1))).rejects.toThrow("wrong-call");
  });
});

describe("seal of a link answer", () => {
  it("opens for its key and info alone", async () => {
    const keys = await makeSealKeys();
    const info = encodeText("info");
    expect(keys.publicKey.length).toBe(1216);
    const sealed = await sealTo(keys.publicKey, info, encodeText("answer"));
    expect(sealed.length).toBe(ENC_BYTES + 6 + 16);
    expect(await keys.open(sealed, info)).toEqual(encodeText("answer"));
    await expect(keys.open(sealed, encodeText("other"))).rejects.toEqual(error("link-mismatch"));
    await expect((await makeSealKeys()).open(sealed, info)).rejects.toThrow("link-mismatch");
    for (const size of [0, 1, ENC_BYTES, sealed.length - 1])
      await expect(keys.open(sealed.subarray(0, size), info)).rejects.toThrow("link-mismatch");
    for (const size of [0, 1215, 1217])
      await expect(sealTo(new Uint8Array(size), info, info)).rejects.toThrow("link-mismatch");
  });
});
