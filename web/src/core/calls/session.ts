/**
 * The calls of one device: a machine for each chat, one call at a time, and who is told what; twin of
 * zajil.client.calls.session.
 *
 *     signals of the core -> the machine of their chat -> signals out, links opened and closed, the record, the view
 *     reports of the media -> signals out, and the machine
 *
 * A signal is judged by the roster of its epoch: at rest the chat is asked for first, and in a call an epoch's members
 * and keys come before any signal that followed it. Pure but for its ports.
 */
import type { Action } from "../../protocol/calls/actions.ts";
import type { CallRecord, Event, Received } from "../../protocol/calls/events.ts";
import * as limits from "../../protocol/calls/limits.ts";
import { step } from "../../protocol/calls/machine.ts";
import { hideAddresses, hideCandidate } from "../../protocol/calls/sdp.ts";
import { encodeSignal, type Kind, parseSignal, type Signal, ttlOf, wakes } from "../../protocol/calls/signals.ts";
import { type CallState, findPeer, newState, nextDeadline, REST } from "../../protocol/calls/state.ts";
import { concat, equal } from "../../protocol/bytes.ts";
import type { Key, Parsed } from "../../protocol/cbor.ts";
import { error, Malformed } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { CurrentCall } from "./current.ts";
import type { ChatFacts, EpochKeys, LinkSignal, Ports } from "./ports.ts";
import { type Kept, parseKept, UsedNumbers } from "./record.ts";
import { makeView } from "./showing.ts";
import type { CallView } from "./view.ts";

type Work = () => void;
const WAITING_MOST = 64;
const LINK_SIGNALS: readonly string[] = ["desc", "cand", "room", "got", "lost"];
const isForLinks = (signal: Signal): signal is LinkSignal => LINK_SIGNALS.includes(signal.t);
const nothing = (): void => undefined;

/** A chat and its machine. ready: its roster is that of now. waiting: what needs it. */
interface Chat {
  readonly gid: Uint8Array;
  state: CallState | null;
  heard: boolean;
  trusted: boolean;
  ready: boolean;
  asked: boolean;
  readonly waiting: Work[];
  beganAt: number;
  outgoing: boolean;
  view: CallView | null;
}

/** Whether it has no call on this device. */
const rests = ({ state }: Chat): boolean => !state || REST.includes(state.phase);
const isEnd = ({ phase }: CallView): boolean => phase === "ended";
const sameView = (a: CallView, b: CallView | null): boolean => JSON.stringify(a) === JSON.stringify(b);

/** One for a device. */
export class CallSession {
  /** Use relays alone, whoever calls. */
  hideAddress = false;
  readonly #ports: Ports;
  readonly #chats = new Map<string, Chat>();
  #current: CurrentCall | null = null;
  #returning: Kept | null = null;
  readonly #used = new UsedNumbers();
  readonly #events: [Chat, Event][] = [];
  readonly #after: Work[] = [];
  #telling = false;
  #wakesAt: number | null = null;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  // -- what the person does
  /**
   * Call the members of a chat, or join their call. Throws LocalProtocolError while there is another call; one that
   * comes before this one began stays, and is shown again.
   */
  dial(gid: Uint8Array, kind: Kind): void {
    if (this.busy) throw error("wrong-call", "one call at a time");
    const [call, secret] = [this.#ports.random(limits.CALL_BYTES), this.#ports.random(limits.SECRET_BYTES)];
    const chat = this.#chat(gid);
    this.#whenReady(chat, () => {
      const live = this.#live();
      if (!live) this.#tell(chat, { t: "dial", kind, call, secret });
      else if (live.view) this.#ports.show(live.view);
    });
  }

  /** Whether there is a call, or one rings. */
  get busy(): boolean {
    return this.#live() !== undefined;
  }

  /** Answer the call that rings. */
  accept(kind: Kind): void {
    // The person may have chosen since it began to ring; a link that is open stays as it was opened.
    for (const chat of this.#chats.values()) if (chat.state?.phase === "incoming") this.#applyPolicy(chat);
    this.#tellLive({ t: "accept_call", kind });
  }

  /** Do not answer it. */
  decline(): void {
    this.#tellLive({ t: "decline_call" });
  }

  /** End the own part of the call. */
  hangUp(): void {
    this.#tellLive({ t: "hangup" });
  }

  /** What this device sends from now on. */
  setMedia(mic: boolean, cam: boolean): void {
    this.#tellLive({ t: "set_media", mic, cam });
  }

  /** Send pictures again that a slow network took away. */
  retryVideo(): void {
    this.#current?.retryVideo();
    this.#tellLive({ t: "tick" });
  }

  /** The device cannot take part. Ends the call, or shows why none began. */
  fail(gid: Uint8Array, why: "permission-denied" | "unsupported" | "no-route"): void {
    const chat = this.#chat(gid);
    this.#whenReady(chat, () => this.#tell(chat, { t: "fail", why }));
  }

  // -- a reload
  /** Whether there is a call to return to, in what an earlier session kept. Otherwise it is forgotten. */
  restore(record: Uint8Array | null): boolean {
    const kept = record && parseKept(record);
    if (kept) this.#used.note(kept.record.call, kept.nextCtx);
    this.#returning = kept && this.#age(kept) <= limits.RECONNECT_MS ? kept : null;
    if (record && !this.#returning) this.#ports.keep(null, nothing);
    return this.#returning !== null;
  }

  /** Go on with the call that `restore` found. */
  returnToCall(): void {
    const kept = this.#returning;
    if (!kept) return;
    const chat = this.#chat(kept.gid);
    this.#whenReady(chat, () => this.#return(chat, kept));
  }

  #return(chat: Chat, kept: Kept): void {
    const { record } = kept;
    if (rests(chat)) this.#applyPolicy(chat);
    this.#tell(chat, { t: "restored", record, ageMs: this.#age(kept) });
    this.#returning = null;
    if (rests(chat)) this.#ports.keep(null, nothing);
    // Nothing of what this device received before the reload reaches it any more.
    else for (const to of record.leaves) this.#send(chat, { t: "lost", call: record.call, to, pc: 0 });
  }

  #age({ lastSeen }: Kept): number {
    return this.#ports.nowMs() - lastSeen;
  }

  // -- what the core tells
  /** A signal of another device. ageMs: by the server's clock. */
  hear(
    gid: Uint8Array,
    from: { readonly leaf: number; readonly account: Uint8Array; readonly ageMs: number },
    fields: ReadonlyMap<Key, Parsed>,
  ): void {
    const signal = parseSignal(fields);
    if (!signal) {
      this.#ports.countBad();
      return;
    }
    const at = this.#ports.nowMs();
    const chat = this.#chat(gid);
    this.#whenReady(chat, () => {
      const ageMs = from.ageMs + this.#ports.nowMs() - at;
      this.#take(chat, { t: "received", signal, ...from, ageMs, heard: chat.heard, busy: this.#isBusy(chat) });
    });
  }

  /** The answer to `askChat`; null: there is no such chat, or this device is not in it. */
  useChat(gid: Uint8Array, facts: ChatFacts | null): void {
    const chat = this.#chat(gid);
    chat.asked = false;
    if (!facts) {
      chat.waiting.length = 0;
      this.#tellRemoved(chat);
      return;
    }
    const { epoch, me, members, group, heard, trusted } = facts;
    [chat.heard, chat.trusted] = [heard, trusted];
    chat.state ??= newState(me, members, group);
    if (rests(chat)) this.#applyPolicy(chat);
    this.#tell(chat, { t: "roster", epoch, members, me });
    this.#beReady(chat);
  }

  /** A commit of the group. Its roster is asked for, and what follows it waits. */
  epoch(gid: Uint8Array, removed: boolean): void {
    const chat = this.#chats.get(encodeB64(gid));
    if (!chat || rests(chat)) return;
    chat.ready = false;
    const current = this.#currentOf(chat);
    if (current) this.#ports.askKeys(gid, contextOf(current.record), removed);
    else this.#ask(chat);
  }

  /** The answer to `askKeys`, with its context; null: this device is not in the group any more. */
  useKeys(gid: Uint8Array, keys: EpochKeys | null, removed: boolean, context: Uint8Array): void {
    const chat = this.#chat(gid);
    if (!keys || !chat.state) {
      this.#tellRemoved(chat);
      return;
    }
    const { epoch, leaf, members } = keys;
    const current = this.#currentOf(chat);
    // Asked for by the call before this one, whose own answer is on its way.
    if (current && !equal(contextOf(current.record), context)) return;
    // Who was removed is out before the new key is used.
    this.#tell(chat, { t: "roster", epoch, members, me: { leaf, account: chat.state.me.account } });
    if (current && current === this.#current) current.useKey(keys, removed);
    this.#beReady(chat);
  }

  /** This device is in another network; the media hears of it itself. */
  noteMoved(): void {
    this.#current?.noteMoved();
  }

  /** Time passed; called at `wakeAt`. */
  tick(): void {
    this.#wakesAt = null;
    for (const chat of this.#chats.values()) this.#tell(chat, { t: "tick" });
    this.#current?.touch(this.#ports.nowMs());
    this.#plan();
  }

  // -- chats
  #chat(gid: Uint8Array): Chat {
    const id = encodeB64(gid);
    let chat = this.#chats.get(id);
    if (!chat) {
      const flags = { heard: false, trusted: false, ready: false, asked: false, outgoing: false };
      chat = { gid, state: null, ...flags, waiting: [], beganAt: 0, view: null };
      this.#chats.set(id, chat);
    }
    return chat;
  }

  #currentOf(chat: Chat): CurrentCall | null {
    return this.#current && equal(this.#current.gid, chat.gid) ? this.#current : null;
  }

  /** With the roster of now: at once in a call, whose group is watched; else the chat is asked for. */
  #whenReady(chat: Chat, work: Work): void {
    if (chat.ready) work();
    else if (chat.waiting.length < WAITING_MOST) {
      chat.waiting.push(work);
      if (rests(chat)) this.#ask(chat);
    } else this.#ports.countBad();
  }

  #ask(chat: Chat): void {
    if (chat.asked) return;
    chat.asked = true;
    this.#ports.askChat(chat.gid);
  }

  /** What waited for the roster happens, in its order. */
  #beReady(chat: Chat): void {
    chat.ready = true;
    while (chat.ready) {
      const work = chat.waiting.shift();
      if (!work) break;
      work();
    }
    // At rest nobody tells of new epochs: the next signal asks again.
    chat.ready &&= !rests(chat);
    if (chat.waiting.length > 0 && rests(chat)) this.#ask(chat);
  }

  /** Relays alone in groups, with strangers, and for who hides the address. */
  #applyPolicy(chat: Chat): void {
    const { state, trusted } = chat;
    if (state) chat.state = { ...state, relayOnly: state.group || this.hideAddress || !trusted };
  }

  /** Whether another chat has a call. */
  #isBusy(chat: Chat): boolean {
    return [...this.#chats.values()].some((one) => one !== chat && !rests(one));
  }

  /** The chat that has a call. */
  #live(): Chat | undefined {
    return [...this.#chats.values()].find((one) => !rests(one));
  }

  #tellLive(event: Event): void {
    const chat = this.#live();
    if (chat) this.#tell(chat, event);
  }

  #tellRemoved(chat: Chat): void {
    this.#tell(chat, { t: "roster", epoch: 0, members: [], me: null });
  }

  // -- the machine
  #take(chat: Chat, event: Received): void {
    const { signal, leaf, account } = event;
    const before = this.#currentOf(chat);
    if (before && equal(before.record.call, signal.call) && !before.admits(leaf, signal)) {
      this.#ports.countBad();
      return;
    }
    this.#tell(chat, event);
    const current = this.#currentOf(chat);
    if (!current || !chat.state || signal.t === "unsupported" || !isForLinks(signal)) return;
    const peer = findPeer(chat.state, leaf);
    const meant = equal(current.record.call, signal.call) && signal.to === chat.state.me.leaf;
    if (meant && peer && equal(peer.account, account)) current.hear(leaf, signal);
  }

  /** One event after the other, also where one of them makes the media report at once. */
  #tell(chat: Chat, event: Event): void {
    this.#events.push([chat, event]);
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) this.#step(...next);
    } finally {
      this.#telling = false;
    }
    // What may be answered at once is asked when nothing is half done.
    for (let work = this.#after.shift(); work; work = this.#after.shift()) work();
    this.#plan();
  }

  #step(chat: Chat, event: Event): void {
    if (!chat.state) return;
    const rested = rests(chat);
    const [state, actions] = step(chat.state, event, this.#ports.nowMs());
    chat.state = state;
    if (rested && !rests(chat)) {
      chat.beganAt = this.#ports.nowMs();
      chat.outgoing = state.caller || state.phase === "connecting";
      this.#ports.watch(chat.gid);
    }
    for (const action of actions) this.#carryOut(chat, action);
    if (rests(chat) && !rested) {
      chat.ready = false;
      this.#ports.watch(null);
    }
    this.#currentOf(chat)?.setMedia(state.mic, state.cam);
    this.#show(chat, state);
  }

  #carryOut(chat: Chat, action: Action): void {
    if (action.t === "persist") this.#persist(chat, action.record);
    else if (action.t === "send") this.#send(chat, action.signal);
    else if (action.t === "send_log") this.#ports.log(chat.gid, action);
    else if (action.t === "open_link") this.#current?.openLink(action.leaf);
    else if (action.t === "close_link") this.#current?.closeLink(action.leaf);
  }

  #persist(chat: Chat, record: CallRecord | null): void {
    if (this.#current && !(record && equal(record.call, this.#current.record.call))) {
      this.#used.note(this.#current.record.call, this.#current.reserved);
      this.#current.close();
      this.#current = null;
    }
    if (!record) {
      this.#ports.keep(null, nothing);
      return;
    }
    if (!this.#current) {
      this.#current = this.#begin(chat, record);
      this.#after.push(() => this.#ports.askKeys(chat.gid, contextOf(record), false));
    }
    this.#current.record = record;
    this.#current.keep();
  }

  #begin(chat: Chat, record: CallRecord): CurrentCall {
    const { state } = chat;
    if (!state) throw error("wrong-call", "a call without a chat");
    const numbers = this.#used.begin(record.call, (size) => this.#ports.random(size));
    numbers.reserve();
    return new CurrentCall({
      ...{ ports: this.#ports, gid: chat.gid, record, state, numbers },
      tell: (event) => this.#tell(chat, event),
      send: (signal) => this.#send(chat, signal),
    });
  }

  // -- what goes out
  #send(chat: Chat, signal: Signal): void {
    const current = this.#currentOf(chat);
    if (current && equal(current.record.call, signal.call) && !current.maySend(signal)) {
      this.#ports.countBad();
      return;
    }
    try {
      const fields = encodeSignal(chat.state?.relayOnly ? withoutAddresses(signal) : signal);
      this.#ports.seal(chat.gid, fields, { ttlS: ttlOf(signal), wake: wakes(signal) });
    } catch (problem) {
      // Media of ours made what no peer would take, or what the policy hides.
      if (!(problem instanceof Malformed)) throw problem;
      this.#ports.countBad();
    }
  }

  #show(chat: Chat, state: CallState): void {
    if (state.phase === "idle" && !chat.view) return;
    const current = this.#currentOf(chat);
    const { gid, beganAt, outgoing } = chat;
    const links = current?.links ?? new Map<number, never>();
    const shut = current?.shut ?? new Set<number>();
    const view = makeView(state, { gid, beganAt, outgoing, links, shut, moved: current?.moved ?? false });
    if (sameView(view, chat.view)) return;
    // The end of a call is told once: what changes about its chat later would end the one that is just begun.
    const told = isEnd(view) && chat.view !== null && isEnd(chat.view) && view.call === chat.view.call;
    chat.view = view;
    if (told) return;
    // What another chat refused meanwhile is not what the person looks at, nor the end of the call there is.
    if (!rests(chat) || !this.#isBusy(chat)) this.#ports.show(view);
  }

  /** When time alone has something to do. */
  #plan(): void {
    const times = [...this.#chats.values()].map(({ state }) => state && nextDeadline(state));
    const least = Math.min(this.#current?.dueAt ?? Infinity, ...times.map((time) => time ?? Infinity));
    const at = least === Infinity ? null : least;
    if (at === this.#wakesAt) return;
    this.#wakesAt = at;
    this.#ports.wakeAt(at);
  }
}

/** What the keys of a call are derived for: 48 bytes. */
const contextOf = ({ call, secret }: CallRecord): Uint8Array => concat(call, secret);

/** Under the relay policy. Throws Malformed for an address that is no relay's. */
function withoutAddresses(signal: Signal): Signal {
  if (signal.t === "desc") return { ...signal, sdp: hideAddresses(signal.sdp) };
  return signal.t === "cand" ? { ...signal, cands: signal.cands.map(hideCandidate) } : signal;
}
