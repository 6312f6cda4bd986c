/**
 * One step of the core: a transaction together with who we are, and the MLS groups it reads and writes.
 * Twin of zajil.client.state.step.
 */
import type { Value } from "../../protocol/cbor.ts";
import type { Authenticate, Env, Group } from "../mls/mls.ts";
import { loadGroup, loadStaged, saveGroup, saveStaged, type Staged } from "../mls/mls.ts";
import type { ReadTx, Secrets, Tx } from "../store/types.ts";
import * as rows from "./rows.ts";
import type { Chat, Id, Profile, Session } from "./rows.ts";

/** What the server's moderators say to this account. */
export type News = "report-acted" | "report-not-acted" | "account-warned" | "account-suspended" | "measure-undone";

/** A call signal of another device. ts: Unix ms at which the server took it. epoch: it was sealed in. */
export interface Signal {
  readonly gid: Id;
  readonly leaf: number;
  readonly account: Id;
  readonly device: number;
  readonly ts: number;
  readonly epoch: number;
  readonly fields: ReadonlyMap<string, Value>;
}

/** A group moved on, or is gone here. epoch: the one it has now. removed: somebody is not in it any more. */
export interface CallEpoch {
  readonly gid: Id;
  readonly epoch: number;
  readonly removed: boolean;
}

export type CallNews = Signal | CallEpoch;

/** What followers are told once a step is durable. */
export type EventCode =
  | "message"
  | "state"
  | "members"
  | "created"
  | "joined"
  | "rejoined"
  | "repaired"
  | "regrouped"
  | "leaving"
  | "left"
  | "removed"
  | "profile"
  | "gap"
  | "device-linked"
  | "device-list"
  | "old-copy"
  | "forked-list"
  | "refused-change"
  | "bad-message"
  | "bad-welcome"
  | "refused-welcome"
  | News
  | "read"
  | "typing"
  | "edited"
  | "deleted"
  | "expired"
  | "reacted"
  | "renamed"
  | "roles"
  | "timer"
  | "rules"
  | "asked"
  | "request"
  | "privacy"
  | "history"
  | "key-changed";

export interface Told {
  readonly code: EventCode;
  readonly gid: Id;
  readonly messageId: Id;
  /** Who it is about, where that matters (typing). */
  readonly account: Id;
}

/** Parsed groups of this worker. Only the leader writes, and the store's fence keeps any other from doing so. */
export class GroupCache {
  readonly groups = new Map<Id, Group>();
  recovering = false;
}

/** Answers whose key a leaf is, from the store of a step; `load` reads what it will need. */
export type MakeAuthenticate = (step: Look) => Promise<Authenticate>;

/** What every step of one core shares. */
export interface Surroundings {
  readonly secrets: Secrets;
  readonly profile: Profile;
  readonly cache: GroupCache;
  readonly authenticate: MakeAuthenticate;
}

/** A read-only view at one moment. */
export class Look {
  readonly tx: ReadTx;
  readonly secrets: Secrets;
  /** Whoever writes it in a step sets it here as well. */
  profile: Profile;
  readonly now: number;
  protected readonly cache: GroupCache;
  protected readonly authenticate: MakeAuthenticate;

  constructor(tx: ReadTx, now: number, about: Surroundings) {
    this.tx = tx;
    this.now = now;
    this.secrets = about.secrets;
    this.profile = about.profile;
    this.cache = about.cache;
    this.authenticate = about.authenticate;
  }

  /** The chat of a group that exists. */
  chat(gid: Id): Promise<Chat> {
    return rows.loadChat(this.tx, gid);
  }

  /** Where we stand with the server. */
  session(): Promise<Session> {
    return rows.loadSession(this.tx);
  }

  /** The group's MLS state, undefined when we hold none. */
  async findGroup(gid: Id): Promise<Group | undefined> {
    const cached = this.cache.groups.get(gid);
    if (cached !== undefined) return cached;
    const name = rows.bytesOf(gid);
    const epoch = await this.tx.find("mls_epoch", name);
    const ratchet = await this.tx.find("mls_ratchet", name);
    if (epoch === undefined || ratchet === undefined) return undefined;
    return loadGroup({ epoch, ratchet });
  }
}

/** What one step may touch. Values written here become durable together, or not at all. */
export class Step extends Look {
  declare readonly tx: Tx;
  readonly told: Told[] = [];
  /** What whoever holds a call is told once the step is durable; never stored. */
  readonly calls: CallNews[] = [];

  constructor(tx: Tx, about: Surroundings) {
    super(tx, tx.now, about);
  }

  /** n random bytes. */
  rng(n: number): Uint8Array {
    return this.tx.rng(n);
  }

  /** The engine's view of this step. */
  async env(): Promise<Env> {
    return {
      authenticate: await this.authenticate(this),
      sign: (data) => this.secrets.sign(data),
      rng: (n) => this.rng(n),
      now: Math.floor(this.now / 1000),
    };
  }

  // -- groups
  override async findGroup(gid: Id): Promise<Group | undefined> {
    const group = await super.findGroup(gid);
    if (group !== undefined) this.cache.groups.set(gid, group);
    return group;
  }

  /** The MLS state of a group that we hold. */
  async loadGroup(gid: Id): Promise<Group> {
    const group = await this.findGroup(gid);
    if (group === undefined) throw new Error("no such group");
    return group;
  }

  /** Write the group: the epoch part only where the epoch changed, the ratchet part always. */
  async saveGroup(gid: Id, group: Group): Promise<void> {
    const name = rows.bytesOf(gid);
    const saved = await saveGroup(group);
    const held = this.cache.groups.get(gid);
    if (held === undefined || held.epoch !== group.epoch || !(await this.tx.has("mls_epoch", name))) {
      await this.tx.put("mls_epoch", name, saved.epoch);
    }
    await this.tx.put("mls_ratchet", name, saved.ratchet);
    this.cache.groups.set(gid, group);
  }

  /** Read the group from its rows next time. */
  forgetCached(gid: Id): void {
    this.cache.groups.delete(gid);
  }

  /** Forget the MLS state of a group, and its staged commit. */
  async dropGroup(gid: Id): Promise<void> {
    const name = rows.bytesOf(gid);
    for (const table of ["mls_epoch", "mls_ratchet", "mls_staged"] as const) await this.tx.delete(table, name);
    this.cache.groups.delete(gid);
    await this.noteEpoch(gid, true);
  }

  /** Tell whoever holds a call in this group that its epoch, or we in it, came to an end. */
  async noteEpoch(gid: Id, removed: boolean): Promise<void> {
    const chat = await rows.findChat(this.tx, gid);
    if (chat) this.calls.push({ gid, epoch: chat.epoch, removed });
  }

  /** Our own commit of this group whose fate is open. */
  async findStaged(gid: Id): Promise<Staged | undefined> {
    const data = await this.tx.find("mls_staged", rows.bytesOf(gid));
    return data === undefined ? undefined : loadStaged(data);
  }

  /** Keep our own commit until its echo, or the end of its epoch. */
  async saveStaged(gid: Id, staged: Staged): Promise<void> {
    await this.tx.put("mls_staged", rows.bytesOf(gid), await saveStaged(staged));
  }

  /** Forget our own commit. */
  async dropStaged(gid: Id): Promise<void> {
    await this.tx.delete("mls_staged", rows.bytesOf(gid));
  }

  // -- rows
  /** Write some fields of a chat; the new value. */
  async changeChat(gid: Id, fields: Partial<Chat>): Promise<Chat> {
    return rows.saveChat(this.tx, { ...(await this.chat(gid)), ...fields });
  }

  /** Write some fields of the session; the new value. */
  async changeSession(fields: Partial<Session>): Promise<Session> {
    return rows.saveSession(this.tx, { ...(await this.session()), ...fields });
  }

  /** The person decided in this worker that this copy of the store is the one to keep. */
  noteRecovery(): void {
    this.cache.recovering = true;
  }

  /** Tell followers once the step is durable. */
  event(code: EventCode, gid: Id = "", messageId: Id = "", account: Id = ""): void {
    this.told.push({ code, gid, messageId, account });
  }

  /** Ask for a drain that begins after now; the number of the HELLO whose DRAINED will answer. */
  async wantedDrain(): Promise<number> {
    const session = await this.session();
    const wanted = session.hellos + 1;
    if (session.wanted < wanted) await this.changeSession({ wanted });
    return wanted;
  }
}
