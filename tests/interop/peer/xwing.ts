/** HPKE over X-Wing from the library that ts-mls uses, for vectors/hpke/xwing.json. */
import { getCiphersuiteFromName, getCiphersuiteImpl } from "ts-mls";
import { SUITES, encodeHex } from "./wire.ts";

const { hpke } = await getCiphersuiteImpl(getCiphersuiteFromName(SUITES[83]));

export async function deriveXWing(
  ikm: Uint8Array,
): Promise<{ secret: string; key: string }> {
  const { privateKey, publicKey } = await hpke.deriveKeyPair(ikm);
  return {
    secret: encodeHex(await hpke.exportPrivateKey(privateKey)),
    key: encodeHex(await hpke.exportPublicKey(publicKey)),
  };
}

export async function sealXWing(
  key: Uint8Array,
  info: Uint8Array,
  data: Uint8Array,
): Promise<{ enc: string; data: string }> {
  const sealed = await hpke.seal(await hpke.importPublicKey(key), data, info);
  return { enc: encodeHex(sealed.enc), data: encodeHex(sealed.ct) };
}

export async function openXWing(
  secret: Uint8Array,
  info: Uint8Array,
  enc: Uint8Array,
  data: Uint8Array,
): Promise<string> {
  return encodeHex(
    await hpke.open(await hpke.importPrivateKey(secret), enc, data, info),
  );
}
