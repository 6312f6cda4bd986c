/** Files of a device in tests: the part of a tab's host that they need, and what the tabs were told. */
import type { CoreEvent } from "../api.ts";
import { Files, type FilesOptions } from "../files/files.ts";
import type { Core } from "../rules/core.ts";
import type { Way } from "../reach/way.ts";
import type { Calls } from "../shell/calls.ts";
import type { Network } from "../shell/network.ts";
import type { Tokens } from "../shell/login.ts";
import type { Store } from "../store/types.ts";
import type { Caller } from "../transports/base.ts";
import type { Host } from "../verbs/handlers.ts";

const ALWAYS = { route: {}, tap: () => undefined };
const NONE: Network = { online: () => true, listen: () => () => undefined };

export interface Filer {
  readonly store: Store;
  readonly core: Core;
  readonly calls: Calls;
  readonly tokens: Tokens;
  /** As in a `Way`. */
  readonly sessions: Caller;
  readonly carriers?: Pick<Way["carriers"], "route" | "tap">;
  now(): number;
  wake(): void;
}

/** The files of a device, and the events about them, oldest first. */
export async function filesOf(
  who: Filer,
  options: FilesOptions = {},
): Promise<{ readonly files: Files; readonly events: CoreEvent[]; readonly host: Host }> {
  const events: CoreEvent[] = [];
  const { store, calls, sessions, carriers = ALWAYS } = who;
  // Files ask for no more of a host than this.
  const host = {
    store,
    calls,
    way: { sessions, carriers },
    now: () => who.now(),
    core: () => who.core,
    tokens: () => who.tokens,
    wake: () => who.wake(),
    emit: (event: CoreEvent) => void events.push(event),
  } as unknown as Host;
  return { files: await Files.open(host, { network: NONE, ...options }), events, host };
}

/** Bytes that no padding has, and that tell where they stand. */
export function patterned(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at++) data[at] = (at * 31 + (at >> 8) * 7 + seed) & 255;
  return data;
}
