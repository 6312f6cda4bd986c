/**
 * The engine's public face, with the names of zajil.mls: RFC 9420 over ts-mls 1.6.4 and our corrections of it.
 * Only this folder imports ts-mls (mls.md 9). Everything thrown on foreign input is an MlsError.
 */
export { type CommitOptions } from "./committing.ts";
export {
  DecodeError,
  FutureEpoch,
  GenerationLimit,
  Invalid,
  MlsError,
  OwnMessage,
  PastEpoch,
  PendingProposals,
  Rejected,
  Removed,
  Replayed,
  SuiteDowngrade,
  Suspended,
  TooFar,
  TooManyLeaves,
  TooOld,
  Unsupported,
  UnusableGeneration,
  WrongState,
} from "./errors.ts";
export {
  Group,
  type GroupOptions,
  type GroupStatus,
  Staged,
  loadGroup,
  loadStaged,
  saveGroup,
  saveStaged,
} from "./group.ts";
export { type JoinInfo, type JoinOptions } from "./joining.ts";
export {
  type KeyPackageOptions,
  type MadeKeyPackage,
  checkKeyPackage,
  makeKeyPackage,
  parseKeyPackage,
} from "./keypackages.ts";
export { type Saved } from "./saving.ts";
export { SUITE_RFC1, SUITE_XWING, checkBrowser, chooseSuite, loadSuite } from "./suites.ts";
export type {
  Application,
  Authenticate,
  Capabilities,
  Env,
  Extension,
  KeyPackage,
  Lifetime,
  MemberLeaf,
  Proposal,
  Proposed,
  Use,
} from "./types.ts";
