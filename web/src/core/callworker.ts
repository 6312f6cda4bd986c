/**
 * The call worker's entry: keys and decisions of a call's media, and the transforms of its connections.
 *
 * The page passes a port once and never reads it; then it hears orders and answers with reports.
 */
import type { Order, Report } from "./callorders.ts";
import { driveOver } from "./calls/media/drive.ts";
import { type MediaLinks, TICK_MS } from "./calls/media/links.ts";
import type { Transformer } from "./calls/media/transforms.ts";

/** From the page: the port of who drives the call, at the start, then reports. */
export type ToCallWorker = { readonly port: MessagePort } | Report;

/** The part of a worker's global scope used here; TypeScript's own library for it clashes with the page's. */
interface Scope {
  postMessage(message: Order): void;
  onmessage: ((event: MessageEvent<ToCallWorker>) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
}
declare const self: Scope;

const nowMs = (): number => performance.now();
let links: () => MediaLinks | undefined = () => undefined;

self.onmessage = ({ data }) => {
  if ("port" in data) links = driveOver(data.port, (order) => self.postMessage(order), nowMs);
  else links()?.hearPage(data);
};
self.onrtctransform = ({ transformer }) => links()?.attach(transformer);
// Here and not in the page: a tab in the background slows its own timers down.
setInterval(() => links()?.tick(), TICK_MS);
