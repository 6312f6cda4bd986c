/** What the tests take for WebCrypto answers as the platform's own does, and no sooner than in another task. */
import "fake-indexeddb/auto";
import { randomBytes } from "node:crypto";
import { HkdfSha256, HkdfSha512 } from "@hpke/core";
import { IDBFactory } from "fake-indexeddb";
import { type IDBPDatabase, wrap } from "idb";
import { expect, test } from "vitest";
import { portable, portableHkdf } from "./native-webcrypto.ts";

const { subtle } = crypto;
const hex = (data: ArrayBuffer | Uint8Array): string => Buffer.from(new Uint8Array(data)).toString("hex");
const random = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(length));

test.each(["SHA-256", "SHA-384", "SHA-512"])("HMAC with %s", async (hash) => {
  const key = await subtle.importKey("raw", random(40), { name: "HMAC", hash }, false, ["sign"]);
  const data = random(99);
  expect(hex(await subtle.sign("HMAC", key, data))).toBe(hex(await portable.sign.call(subtle, "HMAC", key, data)));
});

test("Ed25519 signs and verifies, and a key for verifying alone does not sign", async () => {
  const { privateKey, publicKey } = (await subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  const data = random(50);
  const signature = new Uint8Array(await subtle.sign("Ed25519", privateKey, data));
  expect(await portable.verify.call(subtle, "Ed25519", publicKey, signature, data)).toBe(true);
  expect(await subtle.verify("Ed25519", publicKey, signature, data)).toBe(true);
  expect(await subtle.verify("Ed25519", publicKey, signature, random(50))).toBe(false);
  expect(await subtle.verify("Ed25519", publicKey, random(3), data)).toBe(false);
  await expect(subtle.sign("Ed25519", publicKey, data)).rejects.toMatchObject({ name: "InvalidAccessError" });
});

test.each([16, 32])("AES-GCM with a key of %i bytes, and what is changed is refused", async (bytes) => {
  const key = await subtle.importKey("raw", random(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
  for (const how of [{ iv: random(12), additionalData: random(7) }, { iv: random(12) }]) {
    const [gcm, clear] = [{ name: "AES-GCM", ...how }, random(33)];
    const sealed = new Uint8Array(await subtle.encrypt(gcm, key, clear));
    expect(hex(sealed)).toBe(hex(await portable.encrypt.call(subtle, gcm, key, clear)));
    expect(hex(await subtle.decrypt(gcm, key, sealed))).toBe(hex(clear));
    sealed[0] = (sealed[0] ?? 0) ^ 1;
    for (const bad of [sealed, new Uint8Array(15)])
      await expect(subtle.decrypt(gcm, key, bad)).rejects.toMatchObject({ name: "OperationError" });
  }
});

test.each([
  ["SHA-256", new HkdfSha256()],
  ["SHA-512", new HkdfSha512()],
] as const)("HKDF with %s", async (hash, kdf) => {
  const own = portableHkdf[hash];
  const [salt, secret, info] = [random(kdf.hashSize), random(20), random(30)];
  for (const given of [salt, new Uint8Array()])
    expect(hex(await kdf.extract(given.buffer, secret.buffer))).toBe(
      hex(await own.extract.call(kdf, given.buffer, secret.buffer)),
    );
  for (const length of [1, 16, kdf.hashSize, kdf.hashSize + 5]) {
    expect(hex(await kdf.expand(salt.buffer, info.buffer, length))).toBe(
      hex(await own.expand.call(kdf, salt.buffer, info.buffer, length)),
    );
    expect(hex(await kdf.extractAndExpand(salt.buffer, secret.buffer, info.buffer, length))).toBe(
      hex(await own.extractAndExpand.call(kdf, salt.buffer, secret.buffer, info.buffer, length)),
    );
  }
});

/** Whether a transaction takes a further write when what `work` waits for has come. */
async function staysOpen(database: IDBPDatabase, work: () => Promise<unknown>): Promise<boolean> {
  const transaction = database.transaction("lines", "readwrite");
  const lines = transaction.objectStore("lines");
  await lines.put("before", 1);
  await work();
  try {
    await lines.put("after", 1);
    return true;
  } catch (problem) {
    expect(problem).toMatchObject({ name: "TransactionInactiveError" });
    return false;
  }
}

test("whoever waits for an answer inside a transaction of IndexedDB finds it closed, as in a browser", async () => {
  const request = new IDBFactory().open("one", 1);
  request.onupgradeneeded = () => void request.result.createObjectStore("lines");
  const database = await (wrap(request as unknown as IDBOpenDBRequest) as Promise<IDBPDatabase>);
  const { privateKey, publicKey } = (await subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  const mac = await subtle.importKey("raw", random(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const key = await subtle.importKey("raw", random(16), "AES-GCM", false, ["encrypt", "decrypt"]);
  const gcm = { name: "AES-GCM", iv: random(12) };
  const [data, kdf] = [random(32), new HkdfSha256()];
  const signature = await subtle.sign("Ed25519", privateKey, data);
  const sealed = await subtle.encrypt(gcm, key, data);
  expect(await staysOpen(database, () => Promise.resolve())).toBe(true);
  const works = [
    () => subtle.sign("Ed25519", privateKey, data),
    () => subtle.sign("HMAC", mac, data),
    () => subtle.verify("Ed25519", publicKey, signature, data),
    () => subtle.encrypt(gcm, key, data),
    () => subtle.decrypt(gcm, key, sealed),
    () => kdf.extract(data.buffer, data.buffer),
    () => kdf.expand(data.buffer, data.buffer, 16),
    () => kdf.extractAndExpand(data.buffer, data.buffer, data.buffer, 16),
  ];
  for (const work of works) expect([await staysOpen(database, work), work]).toEqual([false, work]);
});
