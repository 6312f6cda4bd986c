/**
 * Pins, archive, mute and drafts: what a person changes here, and how the other devices of the account learn it.
 * Twin of zajil.client.core.talk.arranging, where the rule of when a draft is told stands.
 */
import { textSize } from "../../../protocol/bytes.ts";
import * as cbor from "../../../protocol/cbor.ts";
import {
  ALWAYS,
  ARCHIVE,
  DRAFT,
  DRAFT_BYTES,
  encodeDraft,
  GAP_MS,
  isArchived,
  join,
  laterOf,
  MUTE,
  nextAt,
  PART_BYTES,
  partSettings,
  PAUSE_MS,
  PIN,
  PINS,
  readRegisters,
  shownPins,
  type Arrangement,
  type Draft,
  type Register,
  type Registers,
  type Setting,
} from "../../../protocol/chat/arranging.ts";
import { EMPTY_SYNC } from "../../../protocol/chat/parts.ts";
import { error } from "../../../protocol/errors.ts";
import { TEXT_BYTES } from "../../../protocol/limits.ts";
import * as rows from "../../state/rows.ts";
import type { Arranged, Chat, Id } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import { findSelfChat, placeOf } from "./places.ts";

const TOLD = new TextEncoder().encode("drafts-told");

/** How a chat is arranged. */
export async function read(look: Look, place: Id): Promise<Arrangement> {
  return readRegisters((await rows.loadArranged(look.tx, place)).registers);
}

/** The pinned chats in their order. */
export async function pins(look: Look): Promise<{ readonly id: Id; readonly at: number }[]> {
  const pinned = [];
  for (const { gid, registers } of await rows.allArranged(look.tx)) {
    const chat = registers[PIN] && (await rows.findChat(look.tx, gid));
    if (!chat || chat.merged !== "") continue;
    const held = readRegisters(registers);
    if (held.pinned > 0 && !isArchived(held, chat.heard)) {
      pinned.push({ id: gid, gid: rows.bytesOf(gid), at: held.pinned });
    }
  }
  return shownPins(pinned);
}

// -- what a person does
/** Pin a chat, after those that are; one out of the archive comes back. Throws `too-many-pins`. */
export async function pin(step: Step, place: Id): Promise<void> {
  const before = await pins(step);
  if (before.some(({ id }) => id === place)) return;
  if (before.length >= PINS) throw error("too-many-pins");
  const changes = { [PIN]: Math.max(step.now, (before.at(-1)?.at ?? 0) + 1) };
  const { archived } = await read(step, place);
  await change(step, place, archived === null ? changes : { ...changes, [ARCHIVE]: null });
}

/** Unpin a chat. */
export async function unpin(step: Step, place: Id): Promise<void> {
  if ((await read(step, place)).pinned > 0) await change(step, place, { [PIN]: 0 });
}

/** Take a chat out of the list until somebody writes in it; it is no longer pinned. */
export async function archive(step: Step, place: Id): Promise<void> {
  const held = await read(step, place);
  const { heard } = await step.chat(place);
  if (isArchived(held, heard)) return;
  await change(step, place, { [ARCHIVE]: heard, ...(held.pinned > 0 && { [PIN]: 0 }) });
}

/** Bring a chat back into the list. */
export async function unarchive(step: Step, place: Id): Promise<void> {
  if ((await read(step, place)).archived !== null) await change(step, place, { [ARCHIVE]: null });
}

/** Mute a chat until then, Unix ms, or lift it (0). Whether it is in the archive stays as it is. */
export async function mute(step: Step, place: Id, until: number): Promise<void> {
  const held = await read(step, place);
  if (held.muted_until === until) return;
  const { heard } = await step.chat(place);
  const away = isArchived(held, heard) ? heard : null;
  await change(step, place, { [MUTE]: until, ...(held.archived !== null && { [ARCHIVE]: away }) });
}

/** A chat that was muted before devices agreed on it stays so until a person lifts it. */
export async function carryMuted(step: Step, chat: Chat & { readonly muted?: boolean }): Promise<void> {
  if (chat.muted === undefined) return;
  const { muted, ...row } = chat;
  await rows.saveChat(step.tx, row);
  if (muted && !(MUTE in (await rows.loadArranged(step.tx, chat.gid)).registers)) await mute(step, chat.gid, ALWAYS);
}

/** Keep what somebody is writing; null: nothing. left: they are done for now. Throws `text-too-long`. */
export async function writeDraft(step: Step, place: Id, written: Draft | null, left = false): Promise<void> {
  const arranged = await rows.loadArranged(step.tx, place);
  const draft = written && (written.text !== "" || written.reply_to) ? written : null;
  const value = encodeDraft(draft);
  const size = textSize(draft?.text ?? "");
  if (size > TEXT_BYTES) throw error("text-too-long");
  if (rows.idOf(value) === rows.idOf(arranged.registers[DRAFT]?.[1] ?? NO_DRAFT)) {
    if (left && arranged.due > 0) await rows.saveArranged(step.tx, { ...arranged, due: step.now });
    return;
  }
  step.event("read", place);
  const { told } = arranged;
  if (draft === null && !isShared(told)) {
    // Nobody else knew of it, so nothing was changed.
    const { [DRAFT]: _untold, ...others } = arranged.registers;
    const registers = told ? { ...others, [DRAFT]: told } : others;
    return rows.saveArranged(step.tx, { ...arranged, registers, due: 0 });
  }
  const stays = size > DRAFT_BYTES || (await findSelfChat(step)) === undefined;
  const due = stays ? 0 : step.now + (left ? 0 : PAUSE_MS);
  await rows.saveArranged(step.tx, { ...arranged, registers: set(arranged.registers, DRAFT, value, step.now), due });
}

/** The draft became a message: other devices that hold it are told at once. */
export async function clearDraft(step: Step, place: Id): Promise<void> {
  await writeDraft(step, place, null);
  if ((await rows.loadArranged(step.tx, place)).due > 0) await tell(step, [await noteTold(step, place)]);
}

const NO_DRAFT = encodeDraft(null);
const isShared = (told: Register | null): boolean => told !== null && rows.idOf(told[1]) !== rows.idOf(NO_DRAFT);

function set(held: Registers, which: number, value: Uint8Array, now: number): Registers {
  return { ...held, [which]: [nextAt(held, which, now), value] };
}

async function change(step: Step, place: Id, changes: Readonly<Record<number, number | null>>): Promise<void> {
  const before = await rows.loadArranged(step.tx, place);
  let { registers } = before;
  for (const [which, value] of Object.entries(changes)) {
    registers = set(registers, Number(which), cbor.encode(value), step.now);
  }
  await rows.saveArranged(step.tx, { ...before, registers });
  const changed = settingsOf({ ...before, registers }).filter(({ which }) => which in changes);
  await tell(step, changed);
  step.event("read", place);
}

// -- what time and messages do
/** A message of somebody else came in, which the server took at this time, Unix ms. */
export async function hear(step: Step, place: Id, at: number): Promise<void> {
  if (at > (await step.chat(place)).heard) await step.changeChat(place, { heard: at });
}

async function waiting(look: Look): Promise<Arranged[]> {
  if ((await findSelfChat(look)) === undefined) return [];
  return (await rows.allArranged(look.tx)).filter(({ due }) => due > 0);
}

async function gapEnd(look: Look): Promise<number> {
  const data = await look.tx.find("meta", TOLD);
  return data === undefined ? 0 : rows.parseRow<{ at: number }>(data).at + GAP_MS;
}

/** When drafts are to be told, Unix ms. */
export async function dueAt(look: Look): Promise<number | undefined> {
  const due = (await waiting(look)).map((arranged) => arranged.due);
  return due.length === 0 ? undefined : Math.max(Math.min(...due), await gapEnd(look));
}

/** Tell the drafts whose time has come. */
export async function flushDue(step: Step): Promise<void> {
  if ((await gapEnd(step)) > step.now) return;
  const told: Setting[] = [];
  for (const { gid, due } of await waiting(step)) if (due <= step.now) told.push(await noteTold(step, gid));
  if (told.length === 0) return;
  await step.tx.put("meta", TOLD, rows.encodeRow({ at: step.now }));
  await tell(step, told);
}

/** The other devices are told the draft now. */
async function noteTold(step: Step, place: Id): Promise<Setting> {
  const arranged = await rows.loadArranged(step.tx, place);
  const register = arranged.registers[DRAFT] ?? [0, NO_DRAFT];
  await rows.saveArranged(step.tx, { ...arranged, due: 0, told: register });
  return { gid: rows.bytesOf(place), which: DRAFT, register };
}

// -- between devices
function settingsOf({ gid, registers }: Arranged): Setting[] {
  return Object.entries(registers).map(([which, register]) => ({
    gid: rows.bytesOf(gid),
    which: Number(which),
    register,
  }));
}

async function tell(step: Step, settings: readonly Setting[]): Promise<void> {
  const selfChat = await findSelfChat(step);
  if (selfChat === undefined) return;
  for (const some of partSettings(settings)) {
    await messages.submitControl(step, selfChat, { ...EMPTY_SYNC, settings: some });
  }
}

/** A device of ours came into the group of our devices, or we came back: whoever missed anything learns it. */
export async function tellAll(step: Step): Promise<void> {
  const selfChat = await findSelfChat(step);
  if (selfChat === undefined) return;
  const privacy = await rows.loadPrivacy(step.tx);
  if (privacy.at > 0) await messages.submitControl(step, selfChat, { ...EMPTY_SYNC, privacy });
  const told: Setting[] = [];
  for (const chat of await rows.allChats(step.tx)) {
    for (const setting of settingsOf(await rows.loadArranged(step.tx, chat.gid))) {
      if (setting.register[1].length > PART_BYTES) continue;
      told.push(setting.which === DRAFT ? await noteTold(step, chat.gid) : setting);
    }
  }
  await tell(step, told);
}

/** What another device of ours set. A draft that somebody is writing here is the later one. */
export async function take(step: Step, settings: readonly Setting[]): Promise<void> {
  for (const { gid, which, register } of settings) {
    const place = await placeOf(step, rows.idOf(gid));
    const before = await rows.loadArranged(step.tx, place);
    let registers = join(before.registers, { [which]: register });
    let { told } = before;
    if (which === DRAFT) {
      told = laterOf(told ?? register, register);
      const written = before.registers[DRAFT];
      if (before.due > 0 && written && registers[DRAFT] === register)
        registers = set(registers, DRAFT, written[1], step.now);
    }
    await rows.saveArranged(step.tx, { ...before, registers, told });
    if ((await rows.findChat(step.tx, place)) !== undefined) step.event("read", place);
  }
}

/** Whether a commit brought a device into the group of our devices. */
export function hasNewDevice(before: Chat, after: Chat): boolean {
  const names = before.members.map(({ device, added }) => `${device} ${added}`);
  return after.kind === groups.SELF && after.members.some(({ device, added }) => !names.includes(`${device} ${added}`));
}
