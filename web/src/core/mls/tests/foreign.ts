/** For tests: commits that our own wrapper never makes. */
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { createCommit } from "ts-mls/createCommit.js";
import { encryptSenderData, privateContentAADEncoder } from "ts-mls/privateMessage.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import { consumeRatchet } from "ts-mls/secretTree.js";
import { encodeMessage } from "../codec.ts";
import type { Env, Group } from "../mls.ts";
import { configOf, judgedOnly, withConfig } from "../snapshot.ts";
import { cryptoOf, cryptoWith } from "../suites.ts";

/** MLSMessage of a commit that ends the group in favour of another one (RFC 9420 12.1.5). */
export async function reinitCommit(group: Group, env: Env, aad: Uint8Array): Promise<Uint8Array> {
  const { state } = group.snapshot;
  const { groupId, cipherSuite } = state.groupContext;
  const reinit = { groupId, version: "mls10" as const, cipherSuite, extensions: [] };
  const impl = await cryptoWith(env, cipherSuite);
  const made = await createCommit(
    { state: withConfig(state, configOf(judgedOnly(new Set()))), cipherSuite: impl, pskIndex: emptyPskIndex },
    { extraProposals: [{ proposalType: "reinit", reinit }], authenticatedData: aad },
  );
  return encodeMessage(made.commit);
}

/** MLSMessage of a commit whose PrivateMessageContent is these bytes: sealed with the right keys, whatever it holds. */
export async function sealedCommit(group: Group, aad: Uint8Array, content: Uint8Array): Promise<Uint8Array> {
  const { groupContext, keySchedule, secretTree, privatePath } = group.snapshot.state;
  const { groupId, epoch, cipherSuite } = groupContext;
  const { leafIndex } = privatePath;
  const cs = await cryptoOf(cipherSuite);
  const { generation, reuseGuard, nonce, key } = await consumeRatchet(secretTree, 2 * leafIndex, "commit", cs);
  const head = { groupId, epoch, contentType: "commit" } as const;
  const bound = encode(privateContentAADEncoder)({ ...head, authenticatedData: aad });
  const ciphertext = await cs.hpke.encryptAead(key, nonce, bound, content);
  const sender = { leafIndex, generation, reuseGuard };
  const encryptedSenderData = await encryptSenderData(keySchedule.senderDataSecret, sender, head, ciphertext, cs);
  const privateMessage = { ...head, authenticatedData: aad, encryptedSenderData, ciphertext };
  return encodeMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
}
