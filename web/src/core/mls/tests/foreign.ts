/** For tests: commits that our own wrapper never makes. */
import { createCommit } from "ts-mls/createCommit.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import { encodeMessage } from "../codec.ts";
import type { Env, Group } from "../mls.ts";
import { configOf, judgedOnly, withConfig } from "../snapshot.ts";
import { cryptoWith } from "../suites.ts";

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
