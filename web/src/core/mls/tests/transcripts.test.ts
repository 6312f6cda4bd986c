/** vectors/mls: what one member is sent from its Welcome on, written by Python and by ts-mls, in both suites. */
import { describe, expect, test } from "vitest";
import tsX25519 from "../../../../../vectors/mls/ts-mls-x25519.json";
import tsXwing from "../../../../../vectors/mls/ts-mls-xwing.json";
import zajilX25519 from "../../../../../vectors/mls/zajil-x25519.json";
import zajilXwing from "../../../../../vectors/mls/zajil-xwing.json";
import xwing from "../../../../../vectors/hpke/xwing.json";
import { encodeSecrets } from "../keypackages.ts";
import { type Env, Group, loadGroup, parseKeyPackage, saveGroup } from "../mls.ts";
import { SUITE_NAMES, cryptoOf } from "../suites.ts";
import { fromHex, hex } from "./cast.ts";

/** A reader believes every credential and never sends. */
const READER: Env = {
  authenticate: (credential) => Promise.resolve(credential),
  sign: () => Promise.reject(new Error("a reader signs nothing")),
  rng: () => new Uint8Array(),
  now: 1_800_000_000,
};

interface Reached {
  readonly epoch: number;
  readonly epoch_authenticator: string;
  readonly tree_hash: string;
  readonly exported: string;
}
interface Step extends Partial<Reached> {
  readonly kind: string;
  readonly sender: number;
  readonly aad: string;
  readonly message: string;
  readonly data?: string;
}
interface Transcript {
  readonly source: string;
  readonly suite: number;
  readonly exporter: { readonly label: string; readonly context: string; readonly length: number };
  readonly key_package: string;
  readonly init_key: string;
  readonly encryption_key: string;
  readonly welcome: string;
  readonly joined: Reached;
  readonly steps: readonly Step[];
}

describe.each([
  ["zajil, X-Wing", zajilXwing as Transcript],
  ["zajil, X25519", zajilX25519 as Transcript],
  ["ts-mls, X-Wing", tsXwing as Transcript],
  ["ts-mls, X25519", tsX25519 as Transcript],
])("transcript of %s", (_name, transcript) => {
  test("a passive member follows, saved and loaded before each step", async () => {
    const secrets = encodeSecrets({
      initKey: fromHex(transcript.init_key),
      encryptionKey: fromHex(transcript.encryption_key),
    });
    const joined = await Group.join(
      READER,
      fromHex(transcript.welcome),
      parseKeyPackage(fromHex(transcript.key_package)),
      secrets,
    );
    let group = joined.group;
    expect(group.suite).toBe(transcript.suite);
    await checkReached(group, transcript, transcript.joined);
    for (const step of transcript.steps) {
      group = await take(loadGroup(saveGroup(group)), transcript, step);
    }
  });
});

async function take(group: Group, transcript: Transcript, step: Step): Promise<Group> {
  const received = await group.receive(READER, fromHex(step.message));
  const { event } = received;
  if (event.kind === "proposed") throw new Error("a proposal");
  expect(hex(event.aad)).toBe(step.aad);
  if (event.kind === "application") {
    expect([event.sender, hex(event.data)]).toEqual([step.sender, step.data]);
    return received.group;
  }
  expect([step.kind, event.committer]).toEqual(["commit", step.sender]);
  const next = event.apply();
  await checkReached(next, transcript, step as Reached);
  return next;
}

async function checkReached(group: Group, { exporter }: Transcript, expected: Reached): Promise<void> {
  expect(group.epoch).toBe(expected.epoch);
  expect(hex(group.epochAuthenticator)).toBe(expected.epoch_authenticator);
  expect(hex(group.snapshot.state.groupContext.treeHash)).toBe(expected.tree_hash);
  expect(hex(await group.export(exporter.label, fromHex(exporter.context), exporter.length))).toBe(expected.exported);
}

test("HPKE over X-Wing: derivation and opening as in Python", async () => {
  const { hpke } = await cryptoOf(SUITE_NAMES[0x53]);
  for (const { ikm, secret, public: publicKey } of xwing.derive) {
    const pair = await hpke.deriveKeyPair(fromHex(ikm));
    expect(hex(await hpke.exportPrivateKey(pair.privateKey))).toBe(secret);
    expect(hex(await hpke.exportPublicKey(pair.publicKey))).toBe(publicKey);
  }
  for (const { secret, info, enc, ciphertext, plaintext } of xwing.sealed) {
    const opened = await hpke.open(
      await hpke.importPrivateKey(fromHex(secret)),
      fromHex(enc),
      fromHex(ciphertext),
      fromHex(info),
    );
    expect(hex(opened)).toBe(plaintext);
  }
});
