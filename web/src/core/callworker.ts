/**
 * The call worker's entry: the calls of this device, their keys, and the transforms of their connections.
 *
 * The page passes the port to the core worker once and never reads it; then it hears orders and views, and answers with
 * reports and with what the person does.
 */
import type { FromCallWorker, ToCallWorker } from "./callorders.ts";
import { Conductor } from "./calls/conduct.ts";
import { TICK_MS } from "./calls/media/links.ts";
import { CorePort } from "./calls/port.ts";
import { canCode, OPUS } from "./calls/room/opus.ts";
import type { Transformer } from "./calls/media/transforms.ts";

/** The part of a worker's global scope used here; TypeScript's own library for it clashes with the page's. */
interface Scope {
  postMessage(message: FromCallWorker, moved?: readonly Transferable[]): void;
  onmessage: ((event: MessageEvent<ToCallWorker>) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
}
declare const self: Scope;

let conductor: Conductor | undefined;

function begin({ port, sound }: Extract<ToCallWorker, { port: MessagePort }>): Conductor {
  const made = new Conductor({
    core: new CorePort(port),
    codec: sound && canCode() ? OPUS : undefined,
    post: (message) => self.postMessage(message, "port" in message ? [message.port] : []),
    // Whole, as the record of a call wants it.
    nowMs: () => Math.floor(performance.timeOrigin + performance.now()),
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    // The page hears of it as of any error here: it closes what is open and begins another worker.
    fail: (problem) => reportError(problem),
  });
  made.run().catch((problem: unknown) => reportError(problem));
  return made;
}

self.onmessage = ({ data }) => {
  if ("port" in data) conductor ??= begin(data);
  else if ("act" in data) conductor?.act(data.act, data.hideAddress);
  else if ("chat" in data) conductor?.tellChat(data);
  else conductor?.hearPage(data);
};
self.onrtctransform = ({ transformer }) => conductor?.attach(transformer);
// Here and not in the page: a tab in the background slows its own timers down.
setInterval(() => conductor?.tick(), TICK_MS);
