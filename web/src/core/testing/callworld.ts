/**
 * Sessions of several devices in one chat, over a network in memory: signals pass as CBOR, media by plain bookkeeping;
 * twin of tests/client/calls/callworld.py.
 */
import vectors from "../../../../vectors/calls/signals.json";
import type { SendLog } from "../../protocol/calls/actions.ts";
import type { Member } from "../../protocol/calls/events.ts";
import * as cbor from "../../protocol/cbor.ts";
import type { CallMedia, EpochKeys, LinkSignal, MediaStart, Ports, Reports } from "../calls/ports.ts";
import { CallSession } from "../calls/session.ts";
import type { CallView } from "../calls/view.ts";

type Work = () => void;
const SDPS = vectors.sdp as [about: string, sdp: string, role: string, taken: boolean][];
export const OFFER = SDPS[0]?.[1] ?? "";
const ANSWER = SDPS[1]?.[1] ?? "";
export const HOST = vectors.candidates[0]?.[0] ?? "";
export const RELAY = vectors.candidates[1]?.[0] ?? "";
export const GID = Uint8Array.from({ length: 16 }, (_, at) => 100 + at);
/** A second chat of the same members. */
export const OTHER = Uint8Array.from({ length: 16 }, (_, at) => 200 + at);

/** The media of one device in one call. told: what was asked of it. sent: our attempts, by leaf. */
export class FakeMedia implements CallMedia {
  readonly told: string[] = [];
  readonly sent = new Map<number, number>();
  closed = false;
  readonly #proved = new Set<number>();
  readonly #hears = new Set<number>();
  readonly #up = new Set<number>();

  constructor(
    readonly device: Device,
    readonly start: MediaStart,
    readonly reports: Reports,
  ) {}

  openLink(leaf: number, { relayOnly }: { readonly relayOnly: boolean }): void {
    this.told.push(`open ${leaf}${relayOnly ? " relay" : ""}`);
    this.offer(leaf);
  }

  /** An attempt of our link. */
  offer(to: number): void {
    const pc = this.start.nextPc();
    this.sent.set(to, pc);
    this.device.used.push(`${this.start.call.join()} ${pc}`);
    const { call } = this.start;
    this.reports.localSignal({ t: "desc", call, to, pc, role: "offer", sdp: this.device.world.offer });
  }

  closeLink(leaf: number): void {
    this.told.push(`close ${leaf}`);
    this.sent.delete(leaf);
    for (const one of [this.#proved, this.#hears, this.#up]) one.delete(leaf);
  }

  hear(to: number, signal: LinkSignal): void {
    const { call } = this.start;
    const { pc } = signal;
    if (signal.t === "desc" && signal.role === "offer") {
      this.reports.localSignal({ t: "desc", call, to, pc, role: "answer", sdp: ANSWER });
      this.reports.localSignal({ t: "got", call, to, pc });
      this.#hears.add(to);
    } else if (signal.t === "got" && this.sent.get(to) === pc) this.#proved.add(to);
    else if (signal.t === "lost") {
      this.#proved.delete(to);
      this.#tell(to);
      this.offer(to);
    }
    this.#tell(to);
  }

  /** We hear nothing any more. */
  lose(to: number): void {
    this.#hears.delete(to);
    this.reports.localSignal({ t: "lost", call: this.start.call, to, pc: 0 });
    this.#tell(to);
  }

  /** Nothing of what that device sends opens. */
  refuse(leaf: number): void {
    this.closeLink(leaf);
    this.reports.unopened(leaf);
  }

  #tell(leaf: number): void {
    const both = this.#hears.has(leaf) && this.#proved.has(leaf);
    if (both === this.#up.has(leaf)) return;
    if (both) {
      this.#up.add(leaf);
      this.reports.linkUp(leaf);
    } else {
      this.#up.delete(leaf);
      this.reports.linkDown(leaf);
    }
  }

  useKey(epoch: number, baseKey: Uint8Array, removed: boolean): void {
    this.told.push(`key ${epoch} ${baseKey.join("")}${removed ? " removed" : ""}`);
  }

  setMedia(mic: boolean, cam: boolean): void {
    this.told.push(`media ${mic} ${cam}`);
  }

  setStep(leaf: number, step: string): void {
    this.told.push(`step ${leaf} ${step}`);
  }

  close(): void {
    this.told.push("close");
    this.closed = true;
  }
}

/** One device: its session, and the core, clock and screen that it has. used: the number of each attempt ever. */
export class Device implements Ports {
  session = new CallSession(this);
  readonly views: CallView[] = [];
  readonly logs: SendLog[] = [];
  readonly media: FakeMedia[] = [];
  readonly used: string[] = [];
  readonly waiting: Work[] = [];
  kept: Uint8Array | null = null;
  watched: Uint8Array | null = null;
  bad = 0;
  wakesAt: number | null = null;
  slowDisk = false;
  slowKeys = false;
  slowChats = false;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly me: Member,
  ) {}

  get view(): CallView {
    const view = this.views.at(-1);
    if (!view) throw new Error("nothing was shown");
    return view;
  }

  /** Phase, and what ended it. */
  get shown(): string {
    return `${this.view.phase} ${this.view.ended ?? ""}`.trim();
  }

  get lastMedia(): FakeMedia {
    const media = this.media.at(-1);
    if (!media) throw new Error("no media");
    return media;
  }

  // -- ports
  nowMs(): number {
    return this.world.now;
  }

  random(size: number): Uint8Array {
    const drawn = ++this.world.drawn;
    return Uint8Array.from({ length: size }, (_, at) => (drawn * 7 + at * 31 + this.me.leaf * 101) % 256);
  }

  wakeAt(atMs: number | null): void {
    this.wakesAt = atMs;
  }

  seal(gid: Uint8Array, fields: ReadonlyMap<string, cbor.Value>): void {
    this.world.deliver(this, gid, cbor.encode(fields));
  }

  askChat(gid: Uint8Array): void {
    const { world, me } = this;
    const member = world.members.includes(me) && [GID[0], OTHER[0]].includes(gid[0]);
    const heard = !world.strangers.has(this.name);
    const { epoch, members, group } = world;
    const facts = member ? { epoch, me, members, group, heard, trusted: true } : null;
    this.#later(this.slowChats, () => this.session.useChat(gid, facts));
  }

  askKeys(gid: Uint8Array, context: Uint8Array, removed: boolean): void {
    const { epoch, members } = this.world;
    const baseKey = context.slice(0, 16).map((byte) => byte ^ epoch);
    const keys: EpochKeys | null = members.includes(this.me) ? { epoch, baseKey, leaf: this.me.leaf, members } : null;
    this.#later(this.slowKeys, () => this.session.useKeys(gid, keys, removed, context));
  }

  watch(gid: Uint8Array | null): void {
    this.watched = gid;
  }

  keep(record: Uint8Array | null, done: Work): void {
    this.#later(this.slowDisk, () => {
      this.kept = record;
      done();
    });
  }

  log(_: Uint8Array, log: SendLog): void {
    this.logs.push(log);
  }

  show(view: CallView): void {
    this.views.push(view);
  }

  openMedia(start: MediaStart, reports: Reports): FakeMedia {
    const media = new FakeMedia(this, start, reports);
    this.media.push(media);
    return media;
  }

  countBad(): void {
    this.bad += 1;
  }

  #later(slow: boolean, work: Work): void {
    if (slow) this.waiting.push(work);
    else work();
  }

  // -- what happens to it
  /** What was slow is done. */
  settle(): void {
    for (let work = this.waiting.shift(); work; work = this.waiting.shift()) work();
  }

  /** The worker is gone, with all that was not written; another one begins. */
  crash(): void {
    this.waiting.length = 0;
    this.session = new CallSession(this);
    this.watched = this.wakesAt = null;
  }
}

/** names: such as `a1 a2 b1`: account a with two devices, account b with one; leaves are counted from 0. */
export class World {
  now = 1_790_000_000_000;
  drawn = 0;
  epoch = 1;
  offer = OFFER;
  members: readonly Member[];
  readonly strangers = new Set<string>();
  readonly devices: ReadonlyMap<string, Device>;
  #due: { readonly at: number; readonly work: Work }[] = [];

  constructor(
    names: string,
    readonly group = false,
  ) {
    this.members = names.split(" ").map((name, leaf) => ({
      leaf,
      account: new Uint8Array(16).fill(name.charCodeAt(0)),
    }));
    this.devices = new Map(
      names.split(" ").map((name, at) => [name, new Device(this, name, this.members[at] as Member)]),
    );
  }

  at(name: string): Device {
    const device = this.devices.get(name);
    if (!device) throw new Error(name);
    return device;
  }

  deliver(sender: Device, gid: Uint8Array, data: Uint8Array): void {
    const { leaf, account } = sender.me;
    for (const device of this.devices.values()) {
      if (device === sender || !this.members.includes(device.me)) continue;
      const fields = cbor.parse(data) as Map<cbor.Key, cbor.Parsed>;
      this.after(50, () => device.session.hear(gid, { leaf, account, ageMs: 50 }, fields));
    }
  }

  after(ms: number, work: Work): void {
    this.#due.push({ at: this.now + ms, work });
    this.#due.sort((a, b) => a.at - b.at);
  }

  /** A commit takes a device out. */
  remove(name: string): void {
    this.members = this.members.filter((one) => one !== this.at(name).me);
    this.commit(true);
  }

  commit(removed = false): void {
    this.epoch += 1;
    for (const { watched, session } of this.devices.values()) if (watched) session.epoch(watched, removed);
  }

  wait(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const [due] = this.#due;
      const waking = [...this.devices.values()]
        .filter(({ wakesAt }) => wakesAt !== null)
        .sort((a, b) => (a.wakesAt ?? 0) - (b.wakesAt ?? 0))[0];
      const wakesAt = waking?.wakesAt ?? Infinity;
      const at = Math.min(wakesAt, due?.at ?? Infinity);
      if (at > until) break;
      this.now = Math.max(this.now, at);
      if (due && due.at <= wakesAt) {
        this.#due.shift();
        due.work();
      } else if (waking) {
        waking.wakesAt = null;
        waking.session.tick();
      }
    }
    this.now = until;
  }
}
