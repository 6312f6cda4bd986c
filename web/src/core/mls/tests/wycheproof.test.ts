/**
 * Wycheproof against the primitives of the two suites as the worker calls them; tests/mls/test_wycheproof.py says where
 * the data is looked for.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CryptoError } from "ts-mls/mlsError.js";
import { expect, test } from "vitest";
import { verify } from "../../crypto.ts";
import { makeRfc1, makeXWing } from "../xwing.ts";
import { fromHex, hex, present } from "./cast.ts";

interface Case {
  readonly tcId: number;
  readonly result: "valid" | "acceptable" | "invalid";
  readonly [field: string]: unknown;
}

interface Group {
  readonly tests: readonly Case[];
  readonly [field: string]: unknown;
}

/** Whether a test was taken, as it should be taken; undefined: no call of ours can ask it. */
type Judge = (group: Group, at: (name: string) => Uint8Array, test: Case) => Promise<boolean | undefined>;

const PROJECT = resolve(import.meta.dirname, "../../../../..");
const DEBIAN = "/usr/share/cargo/registry";
const configured = process.env["ZAJIL_VECTORS"];
const crates = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((name) => name.startsWith("wycheproof-")) : [];
const PLACE = [
  ...(configured === undefined ? [] : [resolve(configured, "wycheproof")]),
  resolve(PROJECT, "../shared/vectors/wycheproof"),
  resolve(PROJECT, "build/wycheproof"),
  ...crates.map((name) => resolve(DEBIAN, name, "src/data")),
].find((place) => existsSync(resolve(place, "ed25519_test.json")));

const rfc1 = await makeRfc1();
const xwing = await makeXWing();

const ed25519: Judge = async (group, at) => {
  const key = (group["publicKey"] ?? group["key"]) as { pk: string };
  const publicKey = fromHex(key.pk);
  const taken = await verify(publicKey, at("sig"), at("msg"));
  expect(await rfc1.signature.verify(publicKey, at("msg"), at("sig")).catch(() => false)).toBe(taken);
  return taken;
};

const gcm: Judge = async (group, at) => {
  const suite = { 128: rfc1, 256: xwing }[group["keySize"] as number];
  if (suite === undefined || group["ivSize"] !== 96 || group["tagSize"] !== 128) return undefined;
  const sealed = Uint8Array.of(...at("ct"), ...at("tag"));
  const plain = await suite.hpke.decryptAead(at("key"), at("iv"), at("aad"), sealed);
  expect(hex(plain)).toBe(hex(at("msg")));
  expect(hex(await suite.hpke.encryptAead(at("key"), at("iv"), at("aad"), plain))).toBe(hex(sealed));
  return true;
};

const hkdf =
  (suite: typeof rfc1): Judge =>
  async (_, at, { size }) => {
    const { extract, expand, size: hash } = suite.kdf;
    const salt = at("salt");
    if (!((size as number) > 0 && (size as number) <= 255 * hash) || salt.length > hash) return undefined;
    // The library wants a salt of the hash's size; zeros at its end change nothing for HMAC.
    const padded = new Uint8Array(hash);
    padded.set(salt);
    return hex(await expand(await extract(padded, at("ikm")), at("info"), size as number)) === hex(at("okm"));
  };

const hmac =
  (suite: typeof rfc1): Judge =>
  async (group, at) => {
    if (group["tagSize"] !== suite.kdf.size * 8) return undefined;
    const key = at("key");
    return suite.hash.verifyMac(key, at("tag"), at("msg"));
  };

/** A key to which everybody knows the secret is never sealed to; any other key is. */
const x25519: Judge = async (_, at) => {
  const known = at("shared").every((byte) => byte === 0);
  const sealed = async () =>
    rfc1.hpke.seal(await rfc1.hpke.importPublicKey(at("public")), at("private"), at("private"));
  if (known) await expect(sealed()).rejects.toThrow();
  else expect((await sealed()).enc).toHaveLength(32);
  return !known;
};

const FILES: Readonly<Record<string, Judge>> = {
  ed25519,
  x25519,
  aes_gcm: gcm,
  hkdf_sha256: hkdf(rfc1),
  hkdf_sha512: hkdf(xwing),
  hmac_sha256: hmac(rfc1),
  hmac_sha512: hmac(xwing),
};

test.skipIf(PLACE === undefined).each(Object.entries(FILES))("%s", async (name, judge) => {
  const { testGroups } = JSON.parse(readFileSync(resolve(present(PLACE), `${name}_test.json`), "utf8")) as {
    testGroups: Group[];
  };
  let judged = 0;
  for (const group of testGroups) {
    for (const row of group.tests) {
      const at = (field: string) => fromHex(row[field] as string);
      let taken: boolean | undefined;
      try {
        taken = await judge(group, at, row);
      } catch (problem) {
        if (!(problem instanceof DOMException || problem instanceof CryptoError)) throw problem;
        taken = false;
      }
      if (taken === undefined) continue;
      judged += 1;
      if (row.result !== "acceptable") expect(taken, `${name} ${row.tcId}`).toBe(row.result === "valid");
    }
  }
  expect(judged).toBeGreaterThan(50);
});
