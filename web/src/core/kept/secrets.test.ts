import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseHex } from "../../protocol/bytes.ts";
import { encodeBackup, parseBackup } from "../../protocol/identity/backup.ts";
import * as recovery from "../../protocol/identity/recovery.ts";
import { checkBackup, deriveSecrets, openBackup, sealBackup, signBackup, signDeletion } from "./secrets.ts";

interface Vectors {
  readonly [name: string]: string;
}
const file = new URL("../../../../vectors/service/recovery.json", import.meta.url);
const all = JSON.parse(readFileSync(file, "utf8")) as unknown;
const v = all as Vectors;
const { typed, refused, sizes, too_big, version, deletion_version } = all as {
  typed: string[];
  refused: string[];
  sizes: [number, number][];
  too_big: number;
  version: number;
  deletion_version: number;
};
const hex = (name: string): Uint8Array => parseHex(v[name] ?? "");
const key = hex("key");

describe("recovery.json", () => {
  it("spells and reads a key", () => {
    expect(recovery.spellKey(key)).toBe(v["text"]);
    for (const text of typed) expect(recovery.parseKey(text)).toEqual(key);
    for (const text of refused) expect(() => recovery.parseKey(text)).toThrow("bad-recovery-key");
    const groups = recovery.groupsOf(v["text"] ?? "");
    expect(groups).toHaveLength(8);
    expect(recovery.isGroup(" c3ql ", groups[0] ?? "")).toBe(true);
    expect(recovery.isGroup("C3Q", groups[0] ?? "")).toBe(false);
    expect(recovery.isGroup("AY8X", groups[0] ?? "")).toBe(false);
  });

  it("derives the secrets", async () => {
    const secrets = await deriveSecrets(key);
    expect(secrets.locator).toEqual(hex("locator"));
    expect(secrets.auth).toEqual(hex("auth"));
    expect(secrets.authPub).toEqual(hex("auth_pub"));
    expect(secrets.enc).toEqual(hex("enc"));
  });

  it("seals, opens and signs as Python does", async () => {
    const secrets = await deriveSecrets(key);
    const blob = await sealBackup(secrets, hex("plain"), { version, nonce: hex("nonce") });
    expect(blob).toEqual(hex("blob"));
    expect(await openBackup(secrets, blob, version)).toEqual(hex("plain"));
    expect(await signBackup(secrets, blob, version)).toEqual(hex("sig"));
    expect(await signDeletion(secrets, deletion_version)).toEqual(hex("deletion_sig"));
    const stored = { auth_pub: secrets.authPub, version, blob, sig: hex("sig") };
    await checkBackup(secrets.locator, stored);
    for (const wrong of [{ version: version + 1 }, { blob: blob.slice(1) }, { auth_pub: new Uint8Array(32) }])
      await expect(checkBackup(secrets.locator, { ...stored, ...wrong })).rejects.toThrow("bad-signature");
    await expect(checkBackup(new Uint8Array(16), stored)).rejects.toThrow("bad-signature");
  });

  it("opens nothing else", async () => {
    const secrets = await deriveSecrets(key);
    const blob = hex("blob");
    await expect(openBackup(secrets, blob, version + 1)).rejects.toThrow("bad-backup");
    for (const cut of [0, 11, 12, 27, blob.length - 1])
      await expect(openBackup(secrets, blob.slice(0, cut), version)).rejects.toThrow("bad-backup");
    const changed = blob.slice();
    changed[100] = (changed[100] ?? 0) ^ 1;
    await expect(openBackup(secrets, changed, version)).rejects.toThrow("bad-backup");
  });

  it("reads and writes what the backup holds", () => {
    const held = parseBackup(hex("plain"));
    expect(held).toMatchObject({ server_name: "home.example", name: "Лейла" });
    expect(held.people).toHaveLength(2);
    expect(encodeBackup(held)).toEqual(hex("plain"));
    expect(held.blocked.map(([, blocked]) => blocked)).toEqual([true, false]);
    expect(parseBackup(hex("older"))).toMatchObject({ blocked: [], arranged: [] });
    expect(() => parseBackup(hex("plain").slice(1))).toThrow("bad-backup");
  });

  it("pads to the sizes of the series", () => {
    const around = recovery.NONCE_BYTES + 16;
    for (const [plain, blob] of sizes) expect(recovery.padBackup(new Uint8Array(plain)).length + around).toBe(blob);
    expect(() => recovery.padBackup(new Uint8Array(too_big))).toThrow("too-big");
    for (const wrong of [Uint8Array.of(0, 0, 0, 1, 0, 1), Uint8Array.of(0, 0, 0, 9, 0), new Uint8Array(2)])
      if (wrong.length > 3) expect(() => recovery.unpadBackup(wrong)).toThrow("bad-backup");
  });
});
