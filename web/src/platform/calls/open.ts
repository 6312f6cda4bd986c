/** The way to the calls of this tab; what they are made of is loaded when one begins. */
import workerUrl from "../../core/callworker.ts?worker&url";
import type { Link } from "../../core/link.ts";
import type { CallOptions, Calls } from "../../state/host.ts";

/** The script that the page's policy must let through. */
export const callWorkerUrl = workerUrl;

/** start: the call worker. */
export function callsOf(link: Link, start: () => Worker): (options: CallOptions) => Promise<Calls> {
  return async (options) => (await import("./calls-page.ts")).openPage(link, start, options);
}
