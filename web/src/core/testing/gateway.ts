/**
 * The server's end of sessions in memory, in front of a `Service`, for tests that let it misbehave: it cuts, forgets,
 * keeps silent and says what no honest server says. Framing, streams and records are the product's own.
 */
import { encodeHex } from "../../protocol/bytes.ts";
import * as frames from "../../protocol/frames.ts";
import { Stream } from "../../protocol/session/stream.ts";
import { encodeRecord, parseRecord, type SessionFrame } from "../../protocol/session/wire.ts";
import { randomBytes } from "../crypto.ts";
import { Dialled } from "./dialled.ts";
import { type Carrier, type CarrierListener, DialError } from "../transports/base.ts";
import type { Mailbox, Service } from "./service.ts";

const now = (): number => performance.now() / 1000;

/** One connection of the client, and the session on it. */
export class Link implements Carrier {
  stream: Stream | undefined;
  rxBytes = 0;
  txBytes = 0;
  #over = false;

  constructor(
    readonly gateway: Gateway,
    readonly role: frames.Role,
    readonly listener: CarrierListener,
  ) {}

  send(record: Uint8Array): void {
    this.txBytes += record.length;
    if (!this.#over && !this.gateway.silent) this.#take(parseRecord(record), record.length);
  }

  close(): void {
    this.cut();
  }

  /** As when the line breaks. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.gateway.links.delete(this);
    queueMicrotask(() => this.listener.ended());
  }

  /** Say a data frame. */
  say(frame: frames.Frame): void {
    this.sayBytes(frames.encodeFrame(frame));
  }

  /** Say any bytes as a message of the session. */
  sayBytes(message: Uint8Array): void {
    this.stream?.send(message);
    this.#flush();
  }

  /** Say a frame of the session itself, in a record of `atLeast` bytes. */
  tell(frame: SessionFrame, atLeast = 0): void {
    const record = encodeRecord(frame, atLeast);
    queueMicrotask(() => {
      if (this.#over) return;
      this.rxBytes += record.length;
      this.listener.record(record);
    });
  }

  #take(frame: SessionFrame, size: number): void {
    if (frame.type === "Open") this.#open(frame.resume, frame.rx, frame.frag);
    else if (frame.type === "Ping") this.tell({ type: "Pong", id: frame.id }, size);
    else if (frame.type === "Ack") {
      this.stream?.takeAck(frame.ack);
      this.#flush();
    } else if (frame.type === "Close") this.cut();
    else if (frame.type === "Data") {
      const message = this.stream?.takeData(frame, now());
      if (message !== undefined) this.gateway.take(this, message);
      this.#flush();
    }
  }

  #open(resume: Uint8Array | null, rx: number, frag: number): void {
    const known = resume === null ? undefined : this.gateway.sessions.get(encodeHex(resume));
    const id = known && resume ? resume : randomBytes(16);
    // A newer OPEN takes the session over.
    for (const link of this.gateway.links) if (link !== this && known && link.stream === known) link.stream = undefined;
    this.stream = known ?? new Stream();
    this.gateway.sessions.set(encodeHex(id), this.stream);
    this.stream.resumed(known ? rx : 0, frag);
    this.tell({ type: "Opened", resume: id, rx: this.stream.rx, known: known !== undefined });
    this.#flush();
  }

  #flush(): void {
    for (const frame of this.stream?.pull(now()) ?? []) this.tell(frame);
  }
}

/** The gateway of one device. */
export class Gateway {
  readonly sessions = new Map<string, Stream>();
  readonly links = new Set<Link>();
  /** Every data frame that came, oldest first. */
  readonly heard: (frames.RFromClient | frames.SFromClient)[] = [];
  /** Nobody answers the dial. */
  away = false;
  /** Takes everything and says nothing. */
  silent = false;
  dials = 0;
  /** What READY says besides. */
  ready: Partial<frames.Ready> = {};
  /** Instead of the honest answer on R. */
  onR: (frame: frames.RFromClient, link: Link) => void = (frame, link) => this.answerR(frame, link);
  /** Instead of the honest answer on S. */
  onS: (frame: frames.SFromClient, link: Link) => void = (frame, link) => this.answerS(frame, link);

  constructor(
    readonly service: Service,
    readonly mailbox: Mailbox,
  ) {}

  readonly carriers = new Dialled(({ role }, listener) => {
    this.dials += 1;
    if (this.away) return Promise.reject(new DialError("connect", "unreachable"));
    const link = new Link(this, role, listener);
    this.links.add(link);
    return Promise.resolve(link);
  });

  /** The connection of a role that stands now. */
  link(role: frames.Role): Link {
    const found = [...this.links].find((link) => link.role === role);
    if (!found) throw new Error(`no ${role} connection`);
    return found;
  }

  /** Frames of a kind that came. */
  of<K extends (frames.RFromClient | frames.SFromClient)["type"]>(
    type: K,
  ): Extract<(typeof this.heard)[number], { type: K }>[] {
    return this.heard.filter(
      (frame): frame is Extract<(typeof this.heard)[number], { type: K }> => frame.type === type,
    );
  }

  take(link: Link, message: Uint8Array): void {
    const frame = link.role === "R" ? frames.parseRClient(message) : frames.parseSClient(message);
    this.heard.push(frame);
    if (link.role === "R") this.onR(frame as frames.RFromClient, link);
    else this.onS(frame as frames.SFromClient, link);
  }

  answerR(frame: frames.RFromClient, link: Link): void {
    if (frame.type === "Mack") this.#acknowledge(frame.upto);
    if (frame.type !== "Hello") return;
    const { mailbox } = this;
    const acked = mailbox.acked;
    this.#acknowledge(frame.after);
    const head = mailbox.next - 1;
    const queued = mailbox.queue.length;
    link.say({
      type: "Ready",
      now: this.service.now(),
      head,
      queued,
      list_seq: 1,
      min_client: 0,
      acked,
      ...this.ready,
    });
    for (const message of mailbox.queue) link.say(message);
    link.say({ type: "Drained", seq: head });
  }

  answerS(frame: frames.SFromClient, link: Link): void {
    if (frame.type !== "HttpReq") link.say(this.service.take(frame));
  }

  /** Hand over what came into the mailbox since. */
  push(): void {
    const link = this.link("R");
    for (const message of this.mailbox.queue) link.say(message);
  }

  #acknowledge(upto: number): void {
    this.mailbox.acked = Math.max(this.mailbox.acked, upto);
    this.mailbox.queue = this.mailbox.queue.filter((message) => message.seq > upto);
  }
}
