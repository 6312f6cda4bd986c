/** What main.ts hands to the view models: the way to the worker, the browser around us, and calls. */
import type { Answer, CallName, CoreEvent } from "../core/api.ts";
import type { CallAct, CallView } from "../core/calls/view.ts";
import type { CallArguments, Link } from "../core/link.ts";
import type { Browser } from "../platform/browser.ts";

/** A microphone, camera or loudspeaker that a call can use. */
export interface CallDevice {
  readonly id: string;
  readonly kind: "microphone" | "camera" | "speaker";
  /** Empty until the browser may name them. */
  readonly label: string;
  readonly chosen: boolean;
}

/** What there is to see. Sound is played by whoever made these. */
export interface CallVideos {
  /** By leaf; who is not in it shows no picture. */
  readonly peers: ReadonlyMap<number, MediaStream>;
  readonly own?: MediaStream;
  /** Why the camera that was wanted is not open; the call goes on without it. */
  readonly refused?: "permission-denied" | "no-device";
}

/** The calls of this tab: the page's end of the call worker and of the peer connections. */
export interface Calls {
  /**
   * Rejects with code `permission-denied`, `no-device` or `unsupported`, and then nothing was sent. Nor was it where
   * another view came while the browser asked for a device.
   */
  act(act: CallAct): Promise<void>;
  /** Every change, and at once what holds now. Answers what ends the listening. */
  onView(listener: (view: CallView) => void): () => void;
  videos(): CallVideos;
  /** Pictures came or went. */
  onVideos(listener: () => void): () => void;
  devices(): Promise<readonly CallDevice[]>;
  choose(device: CallDevice): Promise<void>;
  /** Ends everything at once, without a word to the others. */
  close(): void;
}

export interface CallOptions {
  /** Whether relays alone may be used, whoever is called; asked with each act. */
  hideAddress(): boolean;
  /** These calls hear nothing any more; others may be opened. */
  died(): void;
}

export interface Host {
  readonly link: Link;
  readonly browser: Browser;
  /** Absent where this client has no calls. */
  readonly openCalls?: (options: CallOptions) => Promise<Calls>;
}

let current: Host | undefined;

/** Once, before anything is mounted. */
export function useHost(next: Host): void {
  current = next;
}

function host(): Host {
  if (!current) throw new Error("no host: useHost comes first");
  return current;
}

export function browser(): Browser {
  return host().browser;
}

export function canCall(): boolean {
  return host().openCalls !== undefined;
}

/** Rejects with code `unsupported` where there are none. */
export async function openCalls(options: CallOptions): Promise<Calls> {
  const open = host().openCalls;
  if (!open) throw Object.assign(new Error("unsupported"), { code: "unsupported" });
  return open(options);
}

/** One call to the worker. Rejects with `CallFailed`. */
export function call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<Answer<N>> {
  return host().link.call(name, ...args);
}

/** Every event of the worker. Answers a function that ends the listening. */
export function listen(listener: (event: CoreEvent) => void): () => void {
  return host().link.on(listener);
}
