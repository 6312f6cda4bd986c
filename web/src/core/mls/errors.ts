/**
 * Everything the engine throws on input from outside, with the classes of zajil.mls.errors.
 *
 *     MlsError
 *     |- DecodeError         malformed bytes (rule D1)
 *     |- Unsupported         unknown version, suite, required extension, state version
 *     |- Invalid(rule)       a numbered validation rule is broken, e.g. "C5" (docs/protocol/mls.md)
 *     |- FutureEpoch         the message is ahead of this group
 *     |- PastEpoch           the keys of its epoch are gone, or it is a handshake of the past
 *     |- UnusableGeneration
 *     |  |- Replayed  TooOld  TooFar
 *     |- OwnMessage          the sender is our own leaf
 *     |- Rejected            the Authentication Service refused a credential
 *     `- WrongState
 *        `- Removed  Suspended  PendingProposals  GenerationLimit  TooManyLeaves  SuiteDowngrade
 *
 * Nothing is half-applied when one of them is thrown: every call is pure and the caller keeps the old value.
 */
import { ZajilError } from "../../protocol/errors.ts";

export class MlsError extends Error {
  /** Leaf index whose signature over the refused handshake verified; undefined where nobody's did. */
  declare signer?: number;

  constructor(detail = "") {
    super(detail);
    this.name = new.target.name;
  }
}

/** Malformed bytes (RFC 9420 2.1). */
export class DecodeError extends MlsError {}
/** A version, cipher suite, extension or state version this engine does not know. */
export class Unsupported extends MlsError {}

/** A validation rule is broken. rule: its id, e.g. "C5". detail: for developers, without secrets or ids. */
export class Invalid extends MlsError {
  readonly rule: string;

  constructor(rule: string, detail = "") {
    super(detail === "" ? rule : `${rule}: ${detail}`);
    this.rule = rule;
  }
}

/** The message belongs to an epoch ahead of this group. */
export class FutureEpoch extends MlsError {}
/** The keys of the message's epoch are gone, or it is a handshake of a past epoch. */
export class PastEpoch extends MlsError {}
/** No key for this generation of a ratchet. */
export class UnusableGeneration extends MlsError {}
/** The key of this generation was used and deleted. */
export class Replayed extends UnusableGeneration {}
/** The generation is below the window of skipped keys. */
export class TooOld extends UnusableGeneration {}
/** The generation is further ahead than the ratchet may be moved at once. */
export class TooFar extends UnusableGeneration {}
/** The message was sent by our own leaf. */
export class OwnMessage extends MlsError {}
/** The Authentication Service does not accept a credential. */
export class Rejected extends MlsError {}
/** The group's state does not allow this call. */
export class WrongState extends MlsError {}
/** Our own leaf was removed; the group has ended for us. */
export class Removed extends WrongState {}
/** A ReInit suspended the group. */
export class Suspended extends WrongState {}
/** Proposals are waiting for a Commit, so no application data may be sent (RFC 9420 12.4). */
export class PendingProposals extends WrongState {}
/** Too many own messages in this epoch: commit first. */
export class GenerationLimit extends WrongState {}
/** The group has as many leaves as it may have. */
export class TooManyLeaves extends WrongState {}
/** A cipher suite other than the product's was offered. */
export class SuiteDowngrade extends WrongState {}

/** Says of a refusal whose signature over the handshake verified, and throws it on. */
export const signedBy =
  (leaf: number) =>
  (problem: unknown): never => {
    if (problem instanceof MlsError) problem.signer = leaf;
    throw problem;
  };

/**
 * What a work on foreign input gives. Whatever it trips over is an MlsError; only our own errors pass as they are.
 *
 * ts-mls throws errors of its own and fills the stack on long lists. Were it not a refusal, the message that did it
 * would come again and again, and nothing behind it. It is a bug all the same, so the console hears of it.
 */
export async function onForeign<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (problem) {
    if (problem instanceof MlsError || problem instanceof ZajilError) throw problem;
    if (typeof reportError === "function") reportError(problem);
    throw new DecodeError(problem instanceof Error ? problem.name : "");
  }
}
