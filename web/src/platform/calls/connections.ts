/** Does what the call worker orders, with the browser's connections; decides nothing. */
import type { Order, Report } from "../../core/callorders.ts";
import { CallConnection } from "./connection.ts";
import type { CallDevices } from "./devices.ts";
import { type Dummies, makeDummies } from "./dummies.ts";
import { ReceivingConnection } from "./receiving.ts";
import { SendingConnection } from "./sending.ts";
import { SoundReceiving, Sounds, SoundSending } from "./sound.ts";

export interface ConnectionPorts {
  readonly worker: Worker;
  readonly devices: CallDevices;
  report(report: Report): void;
  /** What to see of a device; undefined when it is gone. */
  show(leaf: number, stream: MediaStream | undefined): void;
  /** What to hear under a number of one's own, beside everything else; undefined: no more. */
  play(number: number, stream: MediaStream | undefined): void;
}

/** Those in the media room are heard as long as they are open, beside a connection of the same device: its other attempt is silent. */
type End = CallConnection | SoundSending | SoundReceiving;
type Begin = Extract<Order, { order: "send" | "receive" | "speak" | "hear" }>;
/** Numbers of players: devices have theirs from 0. */
const playerOf = ({ id }: SoundReceiving): number => -id;

export class Connections {
  readonly #ports: ConnectionPorts;
  readonly #open = new Map<number, End>();
  readonly #shown = new Map<number, number>();
  /** Of connections, by device. */
  readonly #heard = new Map<number, MediaStream>();
  #dummies: Dummies | undefined;
  readonly #sounds = new Sounds();

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
    if ("port" in order || order.order === "send" || order.order === "receive") {
      this.#begin(order);
      return;
    }
    const connection = this.#open.get(order.id);
    if (connection instanceof SoundSending) {
      if (order.order === "live") connection.setLive(order.audio);
      return;
    }
    if (!connection || connection instanceof SoundReceiving) return;
    if (order.order === "candidates") connection.addCandidates(order.candidates);
    if (!(connection instanceof SendingConnection)) return;
    if (order.order === "answer") connection.answer(order.sdp);
    else if (order.order === "live") connection.setLive(order);
    else if (order.order === "rate") connection.setRate(order.rate);
    else if (order.order === "key-frame") connection.sendKeyFrame();
  }

  #begin(order: Begin): void {
    try {
      this.#open.set(order.id, this.#make(order));
    } catch {
      // What the browser cannot do at all fails like what does not work out.
      this.#ports.report({ report: "failed", id: order.id });
    }
  }

  #make(order: Begin): End {
    const { worker, devices } = this.#ports;
    const report = (one: Report): void => this.#ports.report(one);
    const failed = (id: number): void => report({ report: "failed", id });
    if (order.order === "speak") return new SoundSending(order, { sounds: this.#sounds, devices, failed });
    if (order.order === "hear") {
      const hearing = new SoundReceiving(order, { sounds: this.#sounds, failed });
      this.#ports.play(playerOf(hearing), hearing.stream);
      return hearing;
    }
    if (order.order === "receive") return new ReceivingConnection(order, { worker, report });
    return new SendingConnection(order, { dummies: (this.#dummies ??= makeDummies()), devices, worker, report });
  }

  #sending(): (SendingConnection | SoundSending)[] {
    return [...this.#open.values()].filter((one) => one instanceof SendingConnection || one instanceof SoundSending);
  }

  #show(leaf: number, id: number): void {
    const connection = this.#open.get(id);
    if (!isReceiving(connection) || connection.leaf !== leaf) return;
    this.#shown.set(leaf, id);
    this.#ports.show(leaf, connection.stream);
    // What was heard goes on, until it ends: it may be what the person still speaks to.
    if (connection instanceof ReceivingConnection) this.#hear(leaf, connection.stream);
  }

  #close(id: number): void {
    const connection = this.#open.get(id);
    connection?.close();
    this.#open.delete(id);
    if (isReceiving(connection)) this.#silence(connection);
    if (this.#open.size > 0) return;
    this.#dummies?.stop();
    this.#dummies = undefined;
  }

  #hear(leaf: number, stream: MediaStream | undefined): void {
    if (stream) this.#heard.set(leaf, stream);
    else this.#heard.delete(leaf);
    this.#ports.play(leaf, stream);
  }

  #silence(connection: ReceivingConnection | SoundReceiving): void {
    const { id, leaf, stream } = connection;
    if (connection instanceof SoundReceiving) this.#ports.play(playerOf(connection), undefined);
    else if (this.#heard.get(leaf) === stream) this.#hear(leaf, undefined);
    if (this.#shown.get(leaf) !== id) return;
    this.#shown.delete(leaf);
    this.#ports.show(leaf, undefined);
  }

  async #sample(): Promise<void> {
    const connections = [...this.#open.values()].filter((one) => one instanceof CallConnection);
    const samples = await Promise.allSettled(connections.map((one) => one.sample()));
    const taken = samples.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    this.#ports.report({ report: "sample", samples: taken });
  }

  /** The worker is gone, or the page leaves: nothing may go on without it. */
  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.#close(id);
  }
}

const isReceiving = (end: End | undefined): end is ReceivingConnection | SoundReceiving =>
  end instanceof ReceivingConnection || end instanceof SoundReceiving;
