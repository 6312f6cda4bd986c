/** The call worker of e2e/calls-media.spec.ts: what ships but for the session, whose part the test plays. */
import type { FromCallWorker, Order, Report } from "../../src/core/callorders.ts";
import { driveOver } from "./drive.ts";
import { type MediaLinks, TICK_MS } from "../../src/core/calls/media/links.ts";
import type { Transformer } from "../../src/core/calls/media/transforms.ts";

interface Scope {
  postMessage(message: FromCallWorker, moved?: readonly Transferable[]): void;
  onmessage: ((event: MessageEvent<{ readonly port: MessagePort } | Report>) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
}
declare const self: Scope;

const post = (order: Order): void => self.postMessage(order, "port" in order ? [order.port] : []);
const nowMs = (): number => performance.now();
let links: () => MediaLinks | undefined = () => undefined;

self.onmessage = ({ data }) => {
  if ("port" in data) links = driveOver(data.port, post, nowMs);
  else links()?.hearPage(data);
};
self.onrtctransform = ({ transformer }) => links()?.attach(transformer);
setInterval(() => links()?.tick(), TICK_MS);
