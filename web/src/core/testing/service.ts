/**
 * A small model of the delivery service for tests: epochs, tokens, rosters, fan-out, mailboxes, packages, passes.
 *
 * It follows service.md 4 as far as clients can tell, knows no content, and can be told to misbehave by a test, which
 * reaches into its mailboxes. The real one is met in web/e2e and in tests/flows.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { parseAad } from "../../protocol/chat/aad.ts";
import type { ClaimedKeyPackages } from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import {
  Kind,
  type Commit,
  type Create,
  type Eph,
  type Err,
  type Msg,
  type Ok,
  type Send,
} from "../../protocol/frames.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { DELIVERY_REF_BYTES } from "../../protocol/limits.ts";
import { parseHeader } from "../../protocol/mlsheader.ts";
import type { PublishedPackage } from "../rules/keypackages.ts";
import type { WantClaim } from "../rules/wants.ts";

type Request = Send | Commit | Create;

interface GroupRow {
  epoch: number;
  tokenHash: string;
  before: string | undefined;
  rotated: boolean;
  rosterKey: string;
  roster: Map<number, string>;
}

/** The mark on every message: only the server's own code could tell whether it is right. */
export const MARK = new Uint8Array(32).fill(7);

/** One device's queue. */
export class Mailbox {
  next = 1;
  acked = 0;
  queue: Msg[] = [];
  whispers: Eph[] = [];
  packages: PublishedPackage[] = [];
}

const name = (bytes: Uint8Array): string => encodeB64(bytes);
const hash = (bytes: Uint8Array): string => name(sha256(bytes));

/** The service: one object, no clock but the one given. */
export class Service {
  readonly lists = new Map<string, Uint8Array[]>();
  readonly mailboxes = new Map<string, Mailbox>();
  readonly groups = new Map<string, GroupRow>();
  readonly #accepted = new Map<string, Ok>();
  readonly #refs = new Map<string, { readonly mailbox: string; readonly serial: Uint8Array }>();
  /** Serials through which nothing comes. */
  readonly denied = new Set<string>();
  /** Who claims now is a stranger to who is claimed. */
  strangers = false;
  /** Accounts whose packages nobody may claim. */
  readonly refused = new Set<string>();
  /** Contact tokens, as ids, that admit nobody any more. */
  readonly ended = new Set<string>();
  /** Contact tokens, as ids, that profiles brought, the newest last. */
  readonly puts: string[] = [];
  /** Links that came back: the hash of each, and whom it admits. */
  readonly links: (readonly [string, number])[] = [];
  /** Devices, as `account/device`, of which no package is handed out. */
  readonly absent = new Set<string>();
  readonly #claims = new Map<string, ClaimedKeyPackages>();
  #random: (n: number) => Uint8Array;
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
    this.#random = (n) => crypto.getRandomValues(new Uint8Array(n));
  }

  /** A second one in the same state, under another clock. */
  copy(now: () => number): Service {
    const made = new Service(now);
    for (const [id, lists] of this.lists) made.lists.set(id, lists);
    for (const [key, one] of this.mailboxes) {
      const { queue, whispers, packages } = one;
      const copied = { ...one, queue: [...queue], whispers: [...whispers], packages: [...packages] };
      made.mailboxes.set(key, Object.assign(new Mailbox(), copied));
    }
    for (const [gid, row] of this.groups) made.groups.set(gid, { ...row, roster: new Map(row.roster) });
    for (const [mid, ok] of this.#accepted) made.#accepted.set(mid, ok);
    for (const [ref, to] of this.#refs) made.#refs.set(ref, to);
    for (const [id, answer] of this.#claims) made.#claims.set(id, answer);
    for (const name of ["denied", "refused", "ended", "absent"] as const)
      for (const one of this[name]) made[name].add(one);
    made.strangers = this.strangers;
    return made;
  }

  /** The queue of a device. */
  mailbox(account: string, device: number): Mailbox {
    const key = `${account}/${device}`;
    const found = this.mailboxes.get(key) ?? new Mailbox();
    this.mailboxes.set(key, found);
    return found;
  }

  /** A fresh delivery reference to a device. */
  ref(account: string, device: number, stranger = false): Uint8Array {
    const ref = this.#random(DELIVERY_REF_BYTES);
    const serial = ref.slice(0, 8);
    serial[0] = ((serial[0] ?? 0) & 0x7f) | (stranger ? 0x80 : 0);
    this.#refs.set(name(ref), { mailbox: `${account}/${device}`, serial });
    return ref;
  }

  /** What its owner says about the reference of this serial. */
  turn(serial: string, way: "deny" | "allow"): void {
    if (way === "deny") this.denied.add(serial);
    else this.denied.delete(serial);
  }

  /** The answer to a claim: one package a device, the last resort where there is no other. */
  claim(want: WantClaim, stranger = this.strangers): ClaimedKeyPackages {
    const id = name(want.claimId);
    const before = this.#claims.get(id);
    if (before !== undefined) return before;
    const clients = [...this.mailboxes].flatMap(([key, mailbox]) => {
      const [account = "", device = ""] = key.split("/");
      const wanted = want.devices === null || want.devices.includes(Number(device));
      if (account !== want.account || !wanted || this.absent.has(key)) return [];
      const taken = this.#takePackage(mailbox, want.suites);
      if (taken === undefined) return [];
      const deliver_to = this.ref(account, Number(device), stranger);
      const { suite, body: key_package, last_resort } = taken;
      return [{ device_id: Number(device), suite, key_package, deliver_to, last_resort }];
    });
    const lists = this.lists.get(want.account) ?? [];
    const answer = { list_seq: lists.length, clients, ...(stranger && { lists }) };
    this.#claims.set(id, answer);
    return answer;
  }

  /** One package of the first suite that has any: the oldest ordinary one, else the last resort, kept. */
  #takePackage(mailbox: Mailbox, suites: readonly number[]): PublishedPackage | undefined {
    for (const suite of suites) {
      const mine = mailbox.packages.filter((one) => one.suite === suite);
      const taken = mine.find((one) => !one.last_resort) ?? mine[0];
      if (taken === undefined) continue;
      if (!taken.last_resort) mailbox.packages.splice(mailbox.packages.indexOf(taken), 1);
      return taken;
    }
    return undefined;
  }

  /** An ephemeral request: handed to every device that listens, never stored. */
  whisper(request: Send): void {
    const group = this.groups.get(name(request.gid));
    if (group === undefined) return;
    const { epoch } = parseHeader(request.body);
    for (const ref of group.roster.values()) {
      const { gid, body } = request;
      this.mailboxes
        .get(this.#refs.get(ref)?.mailbox ?? "")
        ?.whispers.push({ type: "Eph", gid, epoch, ts: this.now(), body });
    }
  }

  /** OK or ERR for a sealed request. Acceptances are remembered by mid. */
  take(request: Request): Ok | Err {
    const mid = `${name(request.gid)} ${name(request.mid)}`;
    const before = this.#accepted.get(mid);
    if (before !== undefined) return { ...before, dup: true };
    try {
      const epoch = request.type === "Create" ? this.#create(request) : this.#deliver(request);
      const ok: Ok = { type: "Ok", rid: request.rid, epoch, ts: this.now(), frank: null, dup: false };
      this.#accepted.set(mid, ok);
      return ok;
    } catch (problem) {
      const code = problem instanceof Error && "code" in problem ? String(problem.code) : "internal";
      if (code === "internal") throw problem;
      return { type: "Err", rid: request.rid, code, retry_ms: 0, detail: {} };
    }
  }

  #create(request: Create): number {
    if (this.groups.has(name(request.gid))) throw error("group-exists");
    this.groups.set(name(request.gid), {
      epoch: 0,
      tokenHash: name(request.token_hash),
      before: undefined,
      rotated: false,
      rosterKey: name(request.roster_key),
      roster: new Map(request.add.map(({ leaf, deliver_to }) => [leaf, this.#check(deliver_to)])),
    });
    return 0;
  }

  #check(ref: Uint8Array): string {
    if (!this.#refs.has(name(ref))) throw error("bad-delivery-ref");
    return name(ref);
  }

  #deliver(request: Send | Commit): number {
    const group = this.groups.get(name(request.gid));
    if (group === undefined) throw error("bad-group-token");
    return request.type === "Commit" ? this.#commit(request, group) : this.#send(request, group);
  }

  #send(request: Send, group: GroupRow): number {
    const header = parseHeader(request.body);
    if (name(header.group_id) !== name(request.gid)) throw error("malformed", "group");
    const token = hash(request.token);
    if (header.epoch === group.epoch - 1 && token === group.before) {
      if (group.rotated) throw error("stale-epoch");
    } else if (header.epoch !== group.epoch || token !== group.tokenHash) {
      throw error(token === group.before ? "stale-epoch" : "bad-group-token");
    }
    if (name(request.roster_key) !== group.rosterKey) throw error("bad-roster-key");
    this.#fanOut([...group.roster.values()], request, { kind: Kind.APP, epoch: header.epoch, body: request.body });
    return group.epoch;
  }

  #commit(request: Commit, group: GroupRow): number {
    const header = parseHeader(request.commit);
    const token = hash(request.token);
    if (token === group.before) throw error("stale-epoch");
    if (token !== group.tokenHash) throw error("bad-group-token");
    if (header.epoch !== request.epoch || request.epoch !== group.epoch) throw error("stale-epoch");
    const aad = parseAad(header.authenticated_data);
    const told = aad.type === "CommitAad" ? aad : undefined;
    const agrees =
      told?.added.join() === request.add.map(({ leaf }) => leaf).join() && told.removed.join() === request.rm.join();
    if (!agrees || told.rotate !== (request.new_roster_key !== null)) throw error("malformed", "AAD");
    if (name(request.roster_key) !== group.rosterKey) throw error("bad-roster-key");
    const old = [...group.roster.values()];
    const added = request.add.map(({ leaf, deliver_to }) => [leaf, this.#check(deliver_to)] as const);
    for (const leaf of request.rm) group.roster.delete(leaf);
    for (const [leaf, ref] of added) group.roster.set(leaf, ref);
    group.before = group.tokenHash;
    group.rotated = request.new_roster_key !== null;
    group.tokenHash = name(request.next_token_hash);
    if (request.new_roster_key !== null) group.rosterKey = name(request.new_roster_key);
    group.epoch += 1;
    this.#fanOut(old, request, { kind: Kind.COMMIT, epoch: request.epoch, body: request.commit });
    if (request.welcome !== null) {
      const welcome = { kind: Kind.WELCOME, epoch: group.epoch, body: request.welcome };
      this.#fanOut(
        added.map(([, ref]) => ref),
        request,
        welcome,
      );
    }
    return group.epoch;
  }

  #fanOut(to: readonly string[], request: Request, message: Pick<Msg, "kind" | "epoch" | "body">): void {
    const id = this.#random(16);
    for (const ref of to) {
      const { mailbox: key = "", serial: via } = this.#refs.get(ref) ?? {};
      const mailbox = this.mailboxes.get(key);
      if (mailbox === undefined || via === undefined || this.denied.has(name(via))) continue;
      const { gid } = request;
      mailbox.queue.push({
        type: "Msg",
        seq: mailbox.next++,
        id,
        gid,
        ts: this.now(),
        frank: message.kind === Kind.APP ? MARK : null,
        via,
        ...message,
      });
    }
  }
}
