/**
 * How a person arranges chats: pins, archive, mute, drafts, the same on all devices of an account.
 * Twin of zajil.protocol.chat.arranging, where the format and its rules are told.
 */
import { compare } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { GroupId, MessageId } from "../ids.ts";
import { TEXT_BYTES } from "../limits.ts";

export const PIN = 1;
export const ARCHIVE = 2;
export const MUTE = 3;
export const DRAFT = 4;
export const PINS = 5;
export const ALWAYS = Number.MAX_SAFE_INTEGER;
/** A longer draft stays on its device. */
export const DRAFT_BYTES = 32 * 1024;
/** Most settings of one part. */
export const ENTRIES = 4096;
/** What one part is filled up to; any setting that is told fits. */
export const PART_BYTES = DRAFT_BYTES + 1024;
/** A draft is told so long after it was last changed, or when its chat is left. */
export const PAUSE_MS = 5_000;
/** A device tells drafts at most this often. */
export const GAP_MS = 15_000;
/** 2100. */
export const AT_MAX = 4_102_444_800_000;

/** One setting: Unix ms at which it was set, and the deterministic CBOR of its value. */
export type Register = readonly [at: number, value: Uint8Array];
/** By `which`. */
export type Registers = Readonly<Record<number, Register>>;

/** One setting of one chat, as it travels. */
export interface Setting {
  readonly gid: GroupId;
  readonly which: number;
  readonly register: Register;
}

/** A text that is not sent yet, and the message it answers. */
export interface Draft {
  readonly text: string;
  readonly reply_to: MessageId | null;
}

/** What the registers of a chat say. pinned, muted_until: ms, 0 = not. archived: `heard` then, null = not. */
export interface Arrangement {
  readonly pinned: number;
  readonly archived: number | null;
  readonly muted_until: number;
  readonly draft: Draft | null;
}

/** Whether the chat is out of the list: nothing came since, or only while it was muted. */
export function isArchived({ archived, muted_until }: Arrangement, heard: number): boolean {
  return archived !== null && (heard <= archived || heard < muted_until);
}

/** Of DRAFT. Throws for a text that is no UTF-8. */
export function encodeDraft(draft: Draft | null): Uint8Array {
  return cbor.encode(draft && [draft.text, draft.reply_to]);
}

/** What they say. */
export function readRegisters(registers: Registers): Arrangement {
  const valueOf = (which: number): cbor.Parsed => {
    const register = registers[which];
    return register === undefined ? null : cbor.parse(register[1]);
  };
  const [pinned, archived, until] = [valueOf(PIN), valueOf(ARCHIVE), valueOf(MUTE)];
  return {
    pinned: numberOf(pinned ?? 0),
    archived: archived === null ? null : numberOf(archived),
    muted_until: numberOf(until ?? 0),
    draft: parseDraft(valueOf(DRAFT)),
  };
}

/** Which of two counts: the later one, of the same moment the one with the larger bytes. */
export function laterOf(a: Register, b: Register): Register {
  return (a[0] - b[0] || compare(a[1], b[1])) < 0 ? b : a;
}

/** Both, of each setting the one that counts. */
export function join(held: Registers, other: Registers): Registers {
  const both: Record<number, Register> = { ...held };
  for (const [which, register] of Object.entries(other)) {
    both[Number(which)] = laterOf(both[Number(which)] ?? register, register);
  }
  return both;
}

/** When a change of now is said to be: after what it replaces, whatever the clocks say. */
export function nextAt(held: Registers, which: number, now: number): number {
  return Math.max(now, (held[which]?.[0] ?? -1) + 1);
}

function numberOf(value: cbor.Parsed): number {
  return Fields.ofItems([value]).number(0);
}

function parseDraft(value: cbor.Parsed): Draft | null {
  if (value === null) return null;
  const fields = Fields.ofArray(value, 2);
  return { text: fields.text(0, TEXT_BYTES), reply_to: fields.blobOrNone(1, 32) };
}

/** `[gid, which, at, value]`. */
export function settingValue({ gid, which, register: [at, value] }: Setting): cbor.Value {
  return [gid, which, at, cbor.parse(value)];
}

/** Those of this version. Throws Malformed. */
export function parseSettings(items: readonly cbor.Parsed[]): Setting[] {
  return items.flatMap((item) => {
    const fields = Fields.ofArray(item, 4);
    const [gid, which, at] = [fields.blob(0, 16), fields.number(1), fields.number(2)];
    if (at > AT_MAX) throw error("malformed", "time");
    const value = fields.raw(3);
    if (which === DRAFT) parseDraft(value);
    else if (which === PIN || which === MUTE || (which === ARCHIVE && value !== null)) numberOf(value);
    else if (which !== ARCHIVE) return [];
    return [{ gid, which, register: [at, cbor.encode(value as cbor.Value)] as const }];
  });
}

/** The same settings in as many parts as they need. */
export function partSettings(settings: readonly Setting[]): Setting[][] {
  const parts: Setting[][] = [];
  let size = 0;
  for (const setting of settings) {
    const own = setting.register[1].length + 32;
    const last = parts.at(-1);
    if (last === undefined || size + own > PART_BYTES || last.length === ENTRIES) {
      parts.push([setting]);
      size = own;
    } else {
      last.push(setting);
      size += own;
    }
  }
  return parts;
}

/** The pinned chats in order, at most PINS; an archived one is not shown. at: Unix ms at which it was pinned. */
export function shownPins<T extends { readonly gid: Uint8Array; readonly at: number }>(pinned: readonly T[]): T[] {
  return [...pinned].sort((a, b) => a.at - b.at || compare(a.gid, b.gid)).slice(0, PINS);
}
