/** Personas against vectors/persona.json, which Python made. */
import { expect, test } from "vitest";
import vectors from "../../../../vectors/persona.json";
import { publicKeyOf, signerOf } from "../../core/crypto.ts";
import { encodeHex, parseHex } from "../bytes.ts";
import { deriveSeed, loginBytes, nonceOfPass, personaIdOf, PERSONAS } from "./persona.ts";

test("there are vectors for every number", () => {
  expect(new Set(vectors.cases.map(({ number }) => number)).size).toBe(PERSONAS);
});

test.each(vectors.cases)("persona $number of $account_seed on $origin", async (fixed) => {
  const seed = deriveSeed(parseHex(fixed.account_seed), fixed.number);
  expect(encodeHex(seed)).toBe(fixed.seed);
  const key = await publicKeyOf(seed);
  expect(encodeHex(key)).toBe(fixed.key);
  const id = personaIdOf(key);
  expect(encodeHex(id)).toBe(fixed.persona_id);
  const nonce = nonceOfPass(parseHex(fixed.pass));
  expect(encodeHex(nonce)).toBe(fixed.nonce);
  const signed = loginBytes(fixed.origin, nonce, id);
  expect(encodeHex(signed)).toBe(fixed.signed);
  const sign = await signerOf(seed);
  expect(encodeHex(await sign(signed))).toBe(fixed.signature);
});
