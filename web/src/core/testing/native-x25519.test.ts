/** What the tests take for X25519 answers as the product's own does. */
import { randomBytes } from "node:crypto";
import { HkdfSha256, X25519 } from "@hpke/dhkem-x25519";
import { expect, test } from "vitest";
import { portable } from "./native-x25519.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const kem = new X25519(new HkdfSha256());

test("Node's X25519 is the library's: random keys and points", async () => {
  for (let run = 0; run < 20; run++) {
    const [own, other] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
    expect(hex(await kem.derive(own, other))).toBe(hex(await portable.call(kem, own, other)));
  }
});

test("a point of small order is refused by both", async () => {
  const own = new Uint8Array(randomBytes(32));
  await expect(portable.call(kem, own, new Uint8Array(32))).rejects.toThrow();
  await expect(kem.derive(own, new Uint8Array(32))).rejects.toThrow();
});
