/** The RFC's vectors, header by header and frame by frame, and what must not open. */
import { describe, expect, it } from "vitest";
import file from "../../../../vectors/calls/sframe.json";
import { parseHex } from "../../protocol/bytes.ts";
import { deriveSecrets, encodeHeader, importBaseKey, parseHeader, SFrameKey, SUITE_4, SUITE_5 } from "./sframe.ts";

interface Vectors {
  readonly header: readonly { kid: string; ctr: string; encoded: string }[];
  readonly sframe: readonly (Readonly<
    Record<"base_key" | "sframe_key" | "sframe_salt" | "metadata" | "pt" | "ct", string>
  > & { cipher_suite: number; kid: string; ctr: string })[];
}

const vectors: Vectors = file;
const suiteOf = (id: number): typeof SUITE_4 => (id === 4 ? SUITE_4 : SUITE_5);
/** KID and CTR are hexadecimal: they go up to 2^64 - 1. */
const big = (text: string): bigint => BigInt(`0x${text}`);

describe("RFC 9605", () => {
  it("writes and reads every header", () => {
    expect(vectors.header).toHaveLength(289);
    for (const { kid, ctr, encoded } of vectors.header) {
      const bytes = parseHex(encoded);
      expect(encodeHeader(big(kid), big(ctr))).toEqual(bytes);
      expect(parseHeader(bytes)).toEqual({ kid: big(kid), ctr: big(ctr), size: bytes.length });
    }
  });

  it.each(vectors.sframe)("derives, seals and opens with suite $cipher_suite", async (row) => {
    const [suite, kid, ctr] = [suiteOf(row.cipher_suite), big(row.kid), big(row.ctr)];
    const base = await importBaseKey(parseHex(row.base_key));
    const secrets = await deriveSecrets(suite, base, kid);
    expect(secrets).toEqual({ key: parseHex(row.sframe_key), salt: parseHex(row.sframe_salt) });
    const key = await SFrameKey.derive(suite, base, kid);
    const [plain, metadata, sealed] = [parseHex(row.pt), parseHex(row.metadata), parseHex(row.ct)];
    expect(await key.seal(ctr, plain, metadata)).toEqual(sealed);
    expect(await key.open(parseHeader(sealed), sealed, metadata)).toEqual(plain);
  });

  it("has both suites of the profile", () => {
    expect(vectors.sframe.map((row) => row.cipher_suite)).toEqual([4, 5]);
  });
});

describe("what does not open", () => {
  it("is every frame with one bit changed, and other metadata", async () => {
    const key = await SFrameKey.derive(SUITE_4, await importBaseKey(new Uint8Array(16)), 0x123n);
    const sealed = await key.seal(9n, Uint8Array.of(1, 2, 3), Uint8Array.of(7));
    const open = (frame: Uint8Array, metadata = Uint8Array.of(7)): Promise<Uint8Array> =>
      key.open(parseHeader(frame), frame, metadata);
    expect(await open(sealed)).toEqual(Uint8Array.of(1, 2, 3));
    await expect(open(sealed, Uint8Array.of(8))).rejects.toThrow("bad-tag");
    await expect(open(sealed.subarray(0, -1))).rejects.toThrow("bad-tag");
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect((async () => await open(changed))(), `bit ${bit}`).rejects.toThrow(/header|tag|short/);
    }
  });

  it("is a header that is cut, or longer than it need be", () => {
    for (const bytes of ["", "80", "9001", "08", "0801", "090001", "8801", "f8ffffffffffffff"])
      expect(() => parseHeader(parseHex(bytes)), bytes).toThrow(/header|short|empty/);
  });

  it("never comes out of a number beyond 64 bits", () => {
    expect(() => encodeHeader(1n << 64n, 0n)).toThrow("wrong-call");
    expect(() => encodeHeader(0n, -1n)).toThrow("wrong-call");
  });
});
