/** The table of calls: one function per name of api.ts, and what all of them stand on. */
import type { Answer, Arguments, CallName, CoreEvent } from "../api.ts";
import type { Send } from "../../protocol/frames.ts";
import type { ArchiveSender } from "../history/view.ts";
import type { Core } from "../rules/core.ts";
import type { Way } from "../reach/way.ts";
import type { Calls } from "../shell/calls.ts";
import type { Tokens } from "../shell/login.ts";
import type { Store } from "../store/types.ts";

export type Handler<N extends CallName> = (
  ...args: Arguments<N> extends undefined ? [] : [args: Arguments<N>]
) => Promise<Answer<N>>;
export type Handlers<N extends CallName = CallName> = { readonly [K in N]: Handler<K> };

/** What the verbs use of the leading device. */
export interface Host {
  readonly store: Store;
  /** The base address of our server: the page's own. */
  readonly server: string;
  /** Control calls; need no account. */
  readonly calls: Calls;
  /** How the server is reached. */
  readonly way: Way;
  /** Unix milliseconds. */
  now(): number;
  /** Throws `no-home` before an account exists here. */
  core(): Core;
  /** The session token of this device. Throws `no-home`. */
  tokens(): Tokens;
  /** What sends and fetches files. Rejects with `unreachable` where it cannot be loaded. */
  files(): Promise<ArchiveSender>;
  /** Something was queued: look after it now. */
  wake(): void;
  /** Send a request that is sent once or not at all. */
  sendOnce(request: Send): void;
  /** Tell every tab. */
  emit(event: CoreEvent): void;
}
