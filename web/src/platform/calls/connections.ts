/** Does what the call worker orders, with the browser's connections; decides nothing. */
import type { Order, Report } from "../../core/callorders.ts";
import type { CallConnection } from "./connection.ts";
import type { CallDevices } from "./devices.ts";
import { type Dummies, makeDummies } from "./dummies.ts";
import { ReceivingConnection } from "./receiving.ts";
import { SendingConnection } from "./sending.ts";

export interface ConnectionPorts {
  readonly worker: Worker;
  readonly devices: CallDevices;
  report(report: Report): void;
  /** What to see and hear of a device; undefined when it is gone. */
  show(leaf: number, stream: MediaStream | undefined): void;
}

export class Connections {
  readonly #ports: ConnectionPorts;
  readonly #open = new Map<number, CallConnection>();
  readonly #shown = new Map<number, number>();
  #dummies: Dummies | undefined;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    ports.devices.changed = () => {
      for (const sending of this.#sending()) sending.applyTracks();
    };
  }

  obey(order: Order): void {
    if (order.order === "sample") void this.#sample();
    else if (order.order === "media") this.#useMedia(order);
    else if (order.order === "show") this.#show(order.leaf, order.id);
    else if (order.order === "close") this.#close(order.id);
    else this.#obeyOne(order);
  }

  #useMedia({ microphone, camera }: Extract<Order, { order: "media" }>): void {
    this.#ports.devices.mute(!microphone);
    this.#ports.devices.hide(!camera);
  }

  #obeyOne(order: Exclude<Order, { order: "sample" | "media" | "show" | "close" }>): void {
    if (order.order === "send" || order.order === "receive") {
      this.#begin(order);
      return;
    }
    const connection = this.#open.get(order.id);
    if (order.order === "candidates") connection?.addCandidates(order.candidates);
    if (!(connection instanceof SendingConnection)) return;
    if (order.order === "answer") connection.answer(order.sdp);
    else if (order.order === "live") connection.setLive(order);
    else if (order.order === "rate") connection.setRate(order.rate);
    else if (order.order === "key-frame") connection.sendKeyFrame();
  }

  #begin(order: Extract<Order, { order: "send" | "receive" }>): void {
    const { worker, devices } = this.#ports;
    const report = (one: Report): void => this.#ports.report(one);
    try {
      const connection =
        order.order === "send"
          ? new SendingConnection(order, { dummies: (this.#dummies ??= makeDummies()), devices, worker, report })
          : new ReceivingConnection(order, { worker, report });
      this.#open.set(order.id, connection);
    } catch {
      // What the browser cannot do at all fails like what does not work out.
      report({ report: "failed", id: order.id });
    }
  }

  #sending(): SendingConnection[] {
    return [...this.#open.values()].filter((one) => one instanceof SendingConnection);
  }

  #show(leaf: number, id: number): void {
    const connection = this.#open.get(id);
    if (!(connection instanceof ReceivingConnection) || connection.leaf !== leaf) return;
    this.#shown.set(leaf, id);
    this.#ports.show(leaf, connection.stream);
  }

  #close(id: number): void {
    const connection = this.#open.get(id);
    connection?.close();
    this.#open.delete(id);
    if (connection instanceof ReceivingConnection && this.#shown.get(connection.leaf) === id) {
      this.#shown.delete(connection.leaf);
      this.#ports.show(connection.leaf, undefined);
    }
    if (this.#open.size > 0) return;
    this.#dummies?.stop();
    this.#dummies = undefined;
  }

  async #sample(): Promise<void> {
    const samples = await Promise.allSettled([...this.#open.values()].map((one) => one.sample()));
    const taken = samples.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    this.#ports.report({ report: "sample", samples: taken });
  }

  /** The worker is gone, or the page leaves: nothing may go on without it. */
  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.#close(id);
  }
}
