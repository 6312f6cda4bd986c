/** Official vectors of mlswg/mls-implementations at cfd4502, for the suites whose libraries are installed. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type CiphersuiteId, type CiphersuiteImpl, getCiphersuiteFromId } from "ts-mls/crypto/ciphersuite.js";
import { getCiphersuiteImpl } from "ts-mls/crypto/getCiphersuiteImpl.js";
import { describe, test } from "vitest";

const COUNTS = {
  "crypto-basics": 7,
  deserialization: 14,
  "key-schedule": 7,
  "message-protection": 7,
  messages: 300,
  "passive-client-welcome": 56,
  "passive-client-handling-commit": 91,
  "passive-client-random": 1,
  psk_secret: 77,
  "secret-tree": 21,
  "transcript-hashes": 7,
  "tree-math": 10,
  "tree-operations": 5,
  "tree-validation": 98,
  treekem: 77,
  welcome: 7,
} as const;
export type FileName = keyof typeof COUNTS;

/** Suites 3, 4 and 6 need ChaCha20-Poly1305 and X448, which Zajil does not ship. */
const SUITES: readonly number[] = [1, 2, 5, 7];

const PLACE = resolve(import.meta.dirname, "../../../../../vectors/official/mls");

interface Options {
  /** How many of a suite are taken, from the first on; else all. */
  readonly most?: Readonly<Record<number, number>>;
  readonly adapt?: (suite: number, crypto: CiphersuiteImpl) => CiphersuiteImpl;
}

/** One test for all vectors of a file and, where the vectors name one, for each suite we can run. */
export function replay<V>(
  name: FileName,
  run: (vector: V, crypto: CiphersuiteImpl) => Promise<void>,
  { most = {}, adapt = (_, crypto) => crypto }: Options = {},
): void {
  const text = gunzipSync(readFileSync(resolve(PLACE, `${name}.json.gz`))).toString();
  const vectors = JSON.parse(text) as (V & { cipher_suite?: number })[];
  if (vectors.length !== COUNTS[name]) throw new Error(`${name}: ${vectors.length} vectors`);
  const known = [...new Set(vectors.map((vector) => vector.cipher_suite ?? 1))].filter((suite) =>
    SUITES.includes(suite),
  );
  describe.each(known)(`${name}, suite %i`, (suite) => {
    const mine = vectors.filter((vector) => (vector.cipher_suite ?? 1) === suite).slice(0, most[suite]);
    test(`${mine.length} vectors`, async () => {
      const crypto = adapt(suite, await getCiphersuiteImpl(getCiphersuiteFromId(suite as CiphersuiteId)));
      for (const [index, vector] of mine.entries()) {
        try {
          await run(vector, crypto);
        } catch (problem) {
          throw new Error(`${name}, suite ${suite}, vector ${index}`, { cause: problem });
        }
      }
    });
  });
}
