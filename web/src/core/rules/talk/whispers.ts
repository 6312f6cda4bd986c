/**
 * What is sent once and written nowhere: that somebody writes, and call signals (service.md 7, calls.md 4).
 * Twin of zajil.client.core.talk.whispers.
 *
 * `typing` and most signals are ephemeral messages, which overtake the mailbox. So such a message never pushes a key
 * out that one in the mailbox still needs, and nothing else may come this way: a text brought early by the server would
 * lose its key, and with it itself. A signal that comes both ways is heard once: its key is gone then.
 * Signals are kept in memory alone. The first one carries the secret of a call, which has to be gone when the call is.
 */
import * as content from "../../../protocol/chat/content.ts";
import * as forms from "../../../protocol/chat/forms.ts";
import type * as parts from "../../../protocol/chat/parts.ts";
import { error, ZajilError } from "../../../protocol/errors.ts";
import { EPHEMERAL, type Eph, type Send, WAKE } from "../../../protocol/frames.ts";
import { CONTENT_SIZES } from "../../../protocol/limits.ts";
import { MlsError } from "../../mls/mls.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { awaitsDecision } from "../chats.ts";
import { isBlocked, isShut } from "../contact/contact.ts";
import * as groups from "../groups.ts";
import { mayWrite } from "../judge.ts";
import * as messages from "../messages.ts";
import * as sealing from "../sealing.ts";
import { placeOf } from "./places.ts";

/** Longest life of a signal in a mailbox, seconds; a server refuses a longer one. */
export const SIGNAL_TTL_S = 120;
/** Size to which the longest whisper is padded: the next one would not pass as ephemeral. */
const MOST = CONTENT_SIZES[1];

/** How a signal travels. ttlS: seconds in the mailboxes, 0 = ephemeral. wake: also by push. */
export interface Course {
  readonly ttlS: number;
  readonly wake: boolean;
}

/** The request that tells the chat we write; undefined where it is off, not yet due again, or cannot be sent now. */
export async function sealTyping(step: Step, gid: Id): Promise<Send | undefined> {
  const chat = await step.chat(await placeOf(step, gid));
  const { typing } = await rows.loadPrivacy(step.tx);
  if (!typing || step.now - chat.typed_at < forms.TYPING_MS) return undefined;
  const request = await seal(step, chat, { op: "typing" }, { ttlS: 0, wake: false });
  if (request) await step.changeChat(chat.gid, { typed_at: step.now });
  return request;
}

/**
 * The request that carries a call signal; undefined where nothing may be said in this group now.
 *
 * With a ttl up to 120 s it waits in mailboxes, else it reaches only who is connected. Throws Malformed for a signal
 * that is not padded to 3,776 bytes or less (one of 2,900 always is), `wrong-call` for another ttl or a wake-up without
 * one.
 */
export async function sealSignal(
  step: Step,
  gid: Id,
  fields: parts.Call["fields"],
  course: Course,
): Promise<Send | undefined> {
  const { ttlS, wake } = course;
  if (!(ttlS >= 0 && ttlS <= SIGNAL_TTL_S) || (wake && ttlS === 0)) throw error("wrong-call", "life of a signal");
  const chat = await rows.findChat(step.tx, gid);
  if (chat === undefined || (await awaitsDecision(step, chat))) return undefined;
  if (!maySay(chat, step.profile.account_id, fields)) return undefined;
  return seal(step, chat, { op: "call", fields }, course);
}

/** Whether this account says such a signal: where only admins write, members answer calls and begin none. */
const maySay = (chat: Chat, account: Id, fields: parts.Call["fields"]): boolean =>
  fields.get("t") !== "ring" || mayWrite(chat, account);

/** Whether somebody wrote in this DM, or knows the other side, so that it is more than a way to ask for a group. */
const isMet = async (step: Step, { quiet, peer }: Chat): Promise<boolean> =>
  !quiet || (await accounts.known(step, peer)).contact;

/** It is sent once or not at all; the ratchet has moved on for good when this step is durable. */
async function seal(
  step: Step,
  chat: Chat,
  part: parts.Typing | parts.Call,
  { ttlS, wake }: Course,
): Promise<Send | undefined> {
  const alone = rows.accountsOf(chat).length < 2;
  if (await isShut(step, chat)) return undefined;
  if (alone || chat.kind === groups.SELF || chat.status !== "active" || sealing.isRefused(chat)) return undefined;
  const data = content.encodeContent(messages.controlContent(step, chat.gid, part));
  const flags = (ttlS === 0 ? EPHEMERAL : 0) | (wake ? WAKE : 0);
  try {
    return await messages.sealContent(step, chat, data, { flags, ttl: ttlS, most: MOST });
  } catch (problem) {
    if (problem instanceof MlsError) return undefined;
    throw problem;
  }
}

/** An ephemeral message of the server; whatever is neither `typing` of this epoch nor a signal changes nothing. */
export async function takeEphemeral(step: Step, eph: Eph): Promise<void> {
  const chat = await rows.findChat(step.tx, rows.idOf(eph.gid));
  if (chat?.status !== "active" || (await step.session()).rolled_back) return;
  const found = await open(step, chat, eph);
  if (found === undefined) return;
  const { group, opened, part } = found;
  if (chat.request !== "" || (await isBlocked(step, opened.account))) return;
  const typing = part.op === "typing" && eph.epoch === chat.epoch;
  if (!typing && part.op !== "call") return;
  await step.saveGroup(chat.gid, group);
  if (part.op === "call") return hearSignal(step, chat, opened, part);
  if (opened.account !== step.profile.account_id && (await rows.loadPrivacy(step.tx)).typing) {
    step.event("typing", await placeOf(step, chat.gid), "", opened.account);
  }
}

/** The control part of an ephemeral message, and the group after it; undefined for anything else. */
async function open(step: Step, chat: Chat, { body, ts, epoch }: Eph) {
  try {
    const { group, event } = await (await step.loadGroup(chat.gid)).receive(await step.env(), body);
    if (event.kind !== "application" || event.pushedOut || event.epoch !== epoch) return undefined;
    const opened = await messages.openApplication(step, chat, event, { ts, frank: new Uint8Array() });
    const form = forms.parseForm(opened.content);
    return form.form === "control" ? { group, opened, part: form.part } : undefined;
  } catch (problem) {
    if (problem instanceof MlsError || problem instanceof ZajilError) return undefined;
    throw problem;
  }
}

/**
 * A verified call signal, whichever way it came.
 *
 * Nobody hears one of this very device, of a device that is not in the group any more or now has another leaf, or one
 * that no server has dated; nor a ring of whose words are not shown.
 */
export async function hearSignal(
  step: Step,
  chat: Chat,
  opened: messages.Opened,
  { fields }: parts.Call,
): Promise<void> {
  if (chat.request !== "" || !maySay(chat, opened.account, fields)) return;
  if ((await isBlocked(step, opened.account)) || !(await isMet(step, chat))) return;
  const { leaf, account, device, proof } = opened;
  const { account_id, device_id } = step.profile;
  if (proof.ts <= 0 || chat.status !== "active" || chat.kind === groups.SELF) return;
  if (rows.leafOf(chat, account, device) !== leaf || (account === account_id && device === device_id)) return;
  step.calls.push({ gid: chat.gid, leaf, account, device, ts: proof.ts, epoch: proof.epoch, fields });
}
