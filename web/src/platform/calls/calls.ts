/** The page's part of a call: its worker, its connections, its devices and its loudspeaker. Loaded at the first call. */
import type { FromCallWorker, Report, ToCallWorker } from "../../core/callorders.ts";
import { canCall } from "./connection.ts";
import { Connections } from "./connections.ts";
import { CallDevices } from "./devices.ts";
import { canSound } from "./sound.ts";
import { Speakers } from "./speakers.ts";

export interface CallScreen {
  /** The picture of a device, undefined when it is gone. It may have no video track, or a dark one. */
  show(leaf: number, stream: MediaStream | undefined): void;
  /** The worker has died, and all connections with it. */
  ended(): void;
}

export interface CallMedia {
  readonly devices: CallDevices;
  readonly speakers: Speakers;
  stop(): void;
}

/**
 * Start the media of calls. worker: runs `core/callworker.ts`. port: whoever drives the call is at its other end.
 *
 * Answers undefined where the browser has no transforms: it cannot call, and there is no mode without encryption.
 */
export function startCalls(worker: Worker, port: MessagePort, screen: CallScreen): CallMedia | undefined {
  if (!canCall()) {
    worker.terminate();
    return undefined;
  }
  const [devices, speakers] = [new CallDevices(), new Speakers()];
  const report = (one: Report): void => worker.postMessage(one);
  const connections = new Connections({
    ...{ worker, devices, report },
    show: (leaf, stream) => screen.show(leaf, stream),
    play: (number, stream) => speakers.play(number, stream),
  });
  const networkChanged = (): void => report({ report: "network" });
  const network = (navigator as { readonly connection?: EventTarget }).connection;

  function stop(): void {
    connections.closeAll();
    speakers.stop();
    devices.stop();
    worker.terminate();
    removeEventListener("online", networkChanged);
    network?.removeEventListener("change", networkChanged);
  }

  worker.addEventListener("message", ({ data }: MessageEvent<FromCallWorker>) => {
    if ("order" in data) connections.obey(data);
  });
  worker.addEventListener("error", () => {
    stop();
    screen.ended();
  });
  addEventListener("online", networkChanged);
  network?.addEventListener("change", networkChanged);
  worker.postMessage({ port, sound: canSound() } satisfies ToCallWorker, [port]);
  return { devices, speakers, stop };
}
