/** Official vectors below the group: primitives, key schedule, secret tree, framing, encodings. */
import { decodeAuthenticatedContent } from "ts-mls/authenticatedContent.js";
import { determineLength, lengthEncoder } from "ts-mls/codec/variableLength.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { commitEncoder, decodeCommit } from "ts-mls/commit.js";
import type { CiphersuiteImpl } from "ts-mls/crypto/ciphersuite.js";
import { refhash } from "ts-mls/crypto/hash.js";
import { decryptWithLabel, encryptWithLabel } from "ts-mls/crypto/hpke.js";
import { deriveSecret, deriveTreeSecret, expandWithLabel } from "ts-mls/crypto/kdf.js";
import { signWithLabel, verifyWithLabel } from "ts-mls/crypto/signature.js";
import { createConfirmationTag, verifyConfirmationTag } from "ts-mls/framedContent.js";
import { encodeGroupContext } from "ts-mls/groupContext.js";
import { decodeGroupSecrets, encodeGroupSecrets } from "ts-mls/groupSecrets.js";
import { initializeEpoch, mlsExporter } from "ts-mls/keySchedule.js";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls/message.js";
import { unprotectPrivateMessage } from "ts-mls/messageProtection.js";
import { unprotectPublicMessage } from "ts-mls/messageProtectionPublic.js";
import { computePskSecret } from "ts-mls/presharedkey.js";
import { decodeProposal, encodeProposal } from "ts-mls/proposal.js";
import { type RatchetTree, decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";
import { createSecretTree, ratchetToGeneration } from "ts-mls/secretTree.js";
import { expandSenderDataKey, expandSenderDataNonce } from "ts-mls/sender.js";
import { createConfirmedHash, createInterimHash } from "ts-mls/transcriptHash.js";
import { left, leafWidth, nodeWidth, parent, right, root, sibling, toNodeIndex } from "ts-mls/treemath.js";
import { expect } from "vitest";
import { parseMessage, parseStrictly } from "../codec.ts";
import { fromHex, hex, present } from "./cast.ts";
import { replay } from "./official.ts";

type Hexes = Record<string, string>;

interface CryptoBasics {
  readonly ref_hash: Hexes;
  readonly expand_with_label: Hexes & { length: never };
  readonly derive_secret: Hexes;
  readonly derive_tree_secret: Hexes & { generation: never; length: never };
  readonly sign_with_label: Hexes;
  readonly encrypt_with_label: Hexes;
}

const at = (fields: Hexes, name: string) => fromHex(present(fields[name]));
const label = (fields: Hexes) => present(fields["label"]);

replay<CryptoBasics>("crypto-basics", async (vector, cs) => {
  const { ref_hash: ref, expand_with_label: expand, derive_secret: derive, derive_tree_secret: tree } = vector;
  expect(hex(await refhash(label(ref), at(ref, "value"), cs.hash))).toBe(ref["out"]);
  const expanded = await expandWithLabel(
    at(expand, "secret"),
    label(expand),
    at(expand, "context"),
    Number(expand["length"]),
    cs.kdf,
  );
  expect(hex(expanded)).toBe(expand["out"]);
  expect(hex(await deriveSecret(at(derive, "secret"), label(derive), cs.kdf))).toBe(derive["out"]);
  const derived = await deriveTreeSecret(
    at(tree, "secret"),
    label(tree),
    Number(tree["generation"]),
    Number(tree["length"]),
    cs.kdf,
  );
  expect(hex(derived)).toBe(tree["out"]);
  const { sign_with_label: sign, encrypt_with_label: seal } = vector;
  const check = (signature: Uint8Array) =>
    verifyWithLabel(at(sign, "pub"), label(sign), at(sign, "content"), signature, cs.signature);
  expect(await check(at(sign, "signature"))).toBe(true);
  expect(await check(await signWithLabel(at(sign, "priv"), label(sign), at(sign, "content"), cs.signature))).toBe(true);
  const key = await cs.hpke.importPrivateKey(at(seal, "priv"));
  const open = (enc: Uint8Array, ct: Uint8Array) =>
    decryptWithLabel(key, label(seal), at(seal, "context"), enc, ct, cs.hpke);
  expect(hex(await open(at(seal, "kem_output"), at(seal, "ciphertext")))).toBe(seal["plaintext"]);
  const publicKey = await cs.hpke.importPublicKey(at(seal, "pub"));
  const sealed = await encryptWithLabel(publicKey, label(seal), at(seal, "context"), at(seal, "plaintext"), cs.hpke);
  expect(hex(await open(sealed.enc, sealed.ct))).toBe(seal["plaintext"]);
});

replay<{ vlbytes_header: string; length: number }>("deserialization", async (vector) => {
  const header = fromHex(vector.vlbytes_header);
  expect(determineLength(header).length).toBe(vector.length);
  expect(hex(encode(lengthEncoder)(vector.length))).toBe(vector.vlbytes_header);
});

interface Epoch extends Hexes {
  readonly exporter: never;
}
interface KeyScheduleVector {
  readonly group_id: string;
  readonly initial_init_secret: string;
  readonly epochs: readonly Epoch[];
}

replay<KeyScheduleVector>("key-schedule", async (vector, cs) => {
  let initSecret = fromHex(vector.initial_init_secret);
  for (const [epoch, facts] of vector.epochs.entries()) {
    const context = {
      version: "mls10" as const,
      cipherSuite: cs.name,
      groupId: fromHex(vector.group_id),
      epoch: BigInt(epoch),
      treeHash: at(facts, "tree_hash"),
      confirmedTranscriptHash: at(facts, "confirmed_transcript_hash"),
      extensions: [],
    };
    expect(hex(encodeGroupContext(context))).toBe(facts["group_context"]);
    const made = await initializeEpoch(
      initSecret,
      at(facts, "commit_secret"),
      context,
      at(facts, "psk_secret"),
      cs.kdf,
    );
    const { keySchedule } = made;
    expect(hex(made.joinerSecret)).toBe(facts["joiner_secret"]);
    expect(hex(made.welcomeSecret)).toBe(facts["welcome_secret"]);
    expect(hex(made.encryptionSecret)).toBe(facts["encryption_secret"]);
    for (const [ours, theirs] of [
      ["initSecret", "init_secret"],
      ["senderDataSecret", "sender_data_secret"],
      ["exporterSecret", "exporter_secret"],
      ["epochAuthenticator", "epoch_authenticator"],
      ["externalSecret", "external_secret"],
      ["confirmationKey", "confirmation_key"],
      ["membershipKey", "membership_key"],
      ["resumptionPsk", "resumption_psk"],
    ] as const) {
      expect(hex(keySchedule[ours])).toBe(facts[theirs]);
    }
    const external = await cs.hpke.deriveKeyPair(keySchedule.externalSecret);
    expect(hex(await cs.hpke.exportPublicKey(external.publicKey))).toBe(facts["external_pub"]);
    const exporter = facts.exporter as { context: string; label: string; length: number; secret: string };
    const secret = await mlsExporter(
      keySchedule.exporterSecret,
      exporter.label,
      fromHex(exporter.context),
      exporter.length,
      cs,
    );
    expect(hex(secret)).toBe(exporter.secret);
    initSecret = keySchedule.initSecret as Uint8Array<ArrayBuffer>;
  }
});

interface SecretTreeVector {
  readonly encryption_secret: string;
  readonly sender_data: Hexes;
  readonly leaves: readonly (readonly (Hexes & { generation: never })[])[];
}

const RETENTION = { retainKeysForGenerations: 32, retainKeysForEpochs: 3, maximumForwardRatchetSteps: 2048 };

replay<SecretTreeVector>("secret-tree", async ({ encryption_secret, sender_data: data, leaves }, cs) => {
  expect(hex(await expandSenderDataKey(cs, at(data, "sender_data_secret"), at(data, "ciphertext")))).toBe(data["key"]);
  expect(hex(await expandSenderDataNonce(cs, at(data, "sender_data_secret"), at(data, "ciphertext")))).toBe(
    data["nonce"],
  );
  const tree = await createSecretTree(leaves.length, fromHex(encryption_secret), cs.kdf);
  const reuseGuard = new Uint8Array(4) as Uint8Array & { length: 4 };
  for (const [leafIndex, generations] of leaves.entries()) {
    for (const facts of generations) {
      const generation = Number(facts["generation"]);
      for (const [type, kind] of [
        ["application", "application"],
        ["commit", "handshake"],
      ] as const) {
        const moved = await ratchetToGeneration(tree, { leafIndex, generation, reuseGuard }, type, RETENTION, cs);
        expect(hex(moved.key)).toBe(facts[`${kind}_key`]);
        expect(hex(moved.nonce)).toBe(facts[`${kind}_nonce`]);
      }
    }
  }
});

replay<{ psks: readonly Hexes[]; psk_secret: string }>("psk_secret", async (vector, cs) => {
  const psks = vector.psks.map((psk): Parameters<typeof computePskSecret>[0][number] => [
    { psktype: "external", pskId: at(psk, "psk_id"), pskNonce: at(psk, "psk_nonce") },
    at(psk, "psk"),
  ]);
  expect(hex(await computePskSecret(psks, cs))).toBe(vector.psk_secret);
});

replay<Hexes>("transcript-hashes", async (vector, cs) => {
  const [parsed] = present(decodeAuthenticatedContent(at(vector, "authenticated_content"), 0));
  const { content, auth, wireformat } = parsed;
  if (content.contentType !== "commit" || auth.contentType !== "commit") throw new Error("no Commit");
  const confirmed = await createConfirmedHash(
    at(vector, "interim_transcript_hash_before"),
    { wireformat, content, signature: auth.signature },
    cs.hash,
  );
  expect(hex(confirmed)).toBe(vector["confirmed_transcript_hash_after"]);
  expect(hex(await createInterimHash(confirmed, auth.confirmationTag, cs.hash))).toBe(
    vector["interim_transcript_hash_after"],
  );
  expect(await verifyConfirmationTag(at(vector, "confirmation_key"), auth.confirmationTag, confirmed, cs.hash)).toBe(
    true,
  );
  expect(hex(await createConfirmationTag(at(vector, "confirmation_key"), confirmed, cs.hash))).toBe(
    hex(auth.confirmationTag),
  );
});

interface TreeMath {
  readonly n_leaves: number;
  readonly n_nodes: number;
  readonly root: number;
  readonly left: readonly (number | null)[];
  readonly right: readonly (number | null)[];
  readonly parent: readonly (number | null)[];
  readonly sibling: readonly (number | null)[];
}

replay<TreeMath>("tree-math", async (vector) => {
  expect(nodeWidth(vector.n_leaves)).toBe(vector.n_nodes);
  expect(leafWidth(vector.n_nodes)).toBe(vector.n_leaves);
  expect(root(vector.n_leaves)).toBe(vector.root);
  for (let index = 0; index < vector.n_nodes; index++) {
    const node = toNodeIndex(index);
    for (const [name, of] of [
      ["left", left],
      ["right", right],
    ] as const) {
      const expected = vector[name][index];
      if (typeof expected === "number") expect(of(node)).toBe(expected);
      else expect(() => of(node)).toThrow();
    }
    for (const [name, of] of [
      ["parent", parent],
      ["sibling", sibling],
    ] as const) {
      const expected = vector[name][index];
      if (typeof expected === "number") expect(of(node, vector.n_leaves)).toBe(expected);
      else expect(() => of(node, vector.n_leaves)).toThrow();
    }
  }
});

const MESSAGES = [
  "mls_welcome",
  "mls_group_info",
  "mls_key_package",
  "public_message_application",
  "public_message_proposal",
  "public_message_commit",
  "private_message",
];
const PROPOSALS = [
  "add_proposal",
  "update_proposal",
  "remove_proposal",
  "pre_shared_key_proposal",
  "re_init_proposal",
  "external_init_proposal",
  "group_context_extensions_proposal",
];

replay<Hexes>("messages", async (vector) => {
  for (const name of MESSAGES) expect(hex(encodeMlsMessage(parseMessage(at(vector, name))))).toBe(vector[name]);
  for (const [index, name] of PROPOSALS.entries()) {
    // Proposals stand in the file as bare bodies.
    const data = Uint8Array.of(0, index + 1, ...at(vector, name));
    expect(hex(encodeProposal(parseStrictly(decodeProposal, encodeProposal, data)))).toBe(hex(data));
  }
  parseStrictly(decodeCommit, encode(commitEncoder), at(vector, "commit"));
  parseStrictly(decodeRatchetTree, encodeRatchetTree, at(vector, "ratchet_tree"));
  parseStrictly(decodeGroupSecrets, encodeGroupSecrets, at(vector, "group_secrets"));
});

replay<Hexes & { epoch: never }>("message-protection", async (vector, cs) => {
  const keys = await protectionOf(vector, cs);
  for (const name of ["proposal", "commit"] as const) {
    const sealed = await openPrivate(keys, at(vector, `${name}_priv`), cs);
    const plain = await openPublic(keys, at(vector, `${name}_pub`), cs);
    for (const { content } of [sealed, plain]) {
      if (content.contentType === "application") throw new Error("application");
      const encoded =
        content.contentType === "commit" ? encode(commitEncoder)(content.commit) : encodeProposal(content.proposal);
      expect(hex(encoded)).toBe(vector[name]);
    }
  }
  const application = await openPrivate(keys, at(vector, "application_priv"), cs);
  if (application.content.contentType !== "application") throw new Error("no application data");
  expect(hex(application.content.applicationData)).toBe(vector["application"]);
});

type Protection = Awaited<ReturnType<typeof protectionOf>>;

/** Two leaves; leaf 1 sends. */
async function protectionOf(vector: Hexes & { epoch: never }, cs: CiphersuiteImpl) {
  const leaf = {
    hpkePublicKey: new Uint8Array(),
    signaturePublicKey: at(vector, "signature_pub"),
    credential: { credentialType: "basic", identity: new Uint8Array() },
    capabilities: { versions: ["mls10"], ciphersuites: [], extensions: [], proposals: [], credentials: ["basic"] },
    leafNodeSource: "update",
    extensions: [],
    signature: new Uint8Array(),
  } as const;
  const node = { nodeType: "leaf", leaf } as unknown as RatchetTree[number];
  return {
    tree: [node, undefined, node] as RatchetTree,
    secretTree: await createSecretTree(2, at(vector, "encryption_secret"), cs.kdf),
    senderData: at(vector, "sender_data_secret"),
    membership: at(vector, "membership_key"),
    context: {
      version: "mls10" as const,
      cipherSuite: cs.name,
      groupId: at(vector, "group_id"),
      epoch: BigInt(vector.epoch),
      treeHash: at(vector, "tree_hash"),
      confirmedTranscriptHash: at(vector, "confirmed_transcript_hash"),
      extensions: [],
    },
  };
}

async function openPrivate(keys: Protection, data: Uint8Array, cs: CiphersuiteImpl) {
  const [message] = present(decodeMlsMessage(data, 0));
  if (message.wireformat !== "mls_private_message") throw new Error("wire format");
  const { content } = await unprotectPrivateMessage(
    keys.senderData,
    message.privateMessage,
    keys.secretTree,
    keys.tree,
    keys.context,
    RETENTION,
    cs,
  );
  return content;
}

async function openPublic(keys: Protection, data: Uint8Array, cs: CiphersuiteImpl) {
  const [message] = present(decodeMlsMessage(data, 0));
  if (message.wireformat !== "mls_public_message") throw new Error("wire format");
  return unprotectPublicMessage(keys.membership, keys.context, keys.tree, message.publicMessage, cs);
}
