/** An archive as rows of this device. Half of the twin of zajil.client.history.packing; `packing` is the other. */
import { encodeText, textSize } from "../../protocol/bytes.ts";
import * as content from "../../protocol/chat/content.ts";
import { lookAt } from "../../protocol/chat/expiry.ts";
import { CAPTION_BYTES, encodeFiles } from "../../protocol/chat/files.ts";
import type { Archive, ArchivedChat, ArchivedMessage, ArchivedNotice } from "../../protocol/history/archive.ts";
import { NO_ID } from "../files/jobs.ts";
import { noteGone } from "../rules/expiry/sweep.ts";
import * as messages from "../rules/messages.ts";
import * as actions from "../rules/talk/actions.ts";
import * as reading from "../rules/talk/reading.ts";
import * as deadlines from "../state/deadlines.ts";
import * as rows from "../state/rows.ts";
import type { Id, StoredMessage } from "../state/rows.ts";
import type { Step } from "../state/step.ts";

/** Messages of an archive. came: new here. over: ran out on the way. strange: of chats that are not here. */
export interface Counts {
  readonly came: number;
  readonly over: number;
  readonly strange: number;
}

/**
 * Put the messages of an archive into their chats, before what came since.
 *
 * Parts of another account bring nothing, and so do chats that are not ours. What stands here already came from its author
 * and stays as it is, in the place that the archive has for it; what was here and went, or is over, stays away.
 */
export async function unpack(step: Step, parts: readonly Archive[]): Promise<Counts> {
  const pieces = new Map<Id, ArchivedChat[]>();
  let [came, over, strange] = [0, 0, 0];
  for (const { account, chats } of parts) {
    for (const piece of rows.idOf(account) === step.profile.account_id ? chats : []) {
      const chat = await rows.findChat(step.tx, rows.idOf(piece.gid));
      if (chat === undefined || chat.request === "incoming") {
        strange += piece.messages.length;
        continue;
      }
      const place = chat.merged || chat.gid;
      pieces.set(place, [...(pieces.get(place) ?? []), piece]);
    }
  }
  for (const [place, found] of pieces) {
    const counts = await unpackChat(step, place, found);
    [came, over] = [came + counts.came, over + counts.over];
  }
  return { came, over, strange };
}

async function unpackChat(
  step: Step,
  place: Id,
  pieces: readonly ArchivedChat[],
): Promise<Pick<Counts, "came" | "over">> {
  const archived = new Map<Id, ArchivedMessage>();
  for (const piece of pieces) for (const one of piece.messages) archived.set(rows.idOf(one.message_id), one);
  const here = (await step.tx.rows("message", rows.bytesOf(place))).map(([n, data]): [number, StoredMessage] => [
    n,
    rows.parseMessage(data),
  ]);
  const live = new Map(here.map(([, message]) => [message.message_id, message]));
  const fresh = new Map<Id, StoredMessage>();
  let over = 0;
  for (const [identity, message] of archived) {
    if (live.has(identity) || (await isKnown(step, identity))) continue;
    if (message.expires_at > 0 && message.expires_at <= step.now) {
      await noteGone(step, identity);
      over += 1;
    } else fresh.set(identity, await deadlines.keep(step.tx, rowOf(step, place, message)));
  }
  const lines = newLines(
    step,
    place,
    pieces.flatMap(({ notices }) => notices),
    here,
  );
  if (fresh.size === 0 && lines.length === 0) return { came: 0, over };
  const read = new Set(pieces.map(({ read_to }) => rows.idOf(read_to)));
  const { read_n: readHere } = await step.chat(place);
  for (const [n, { message_id }] of here) if (n <= readHere) read.add(message_id);
  const before = [...archived.keys()].map((identity) => live.get(identity) ?? fresh.get(identity));
  const since = here.map(([, message]) => message).filter(({ message_id }) => !archived.has(message_id));
  for (const [n] of here) await step.tx.remove("message", n);
  let read_n = 0;
  for (const message of [
    ...inOrder(
      before.filter((one) => one !== undefined),
      lines,
    ),
    ...since,
  ]) {
    const name = rows.bytesOf(message.message_id);
    const n = await step.tx.append("message", rows.bytesOf(place), name, rows.encodeRow(message));
    if (read.has(message.message_id)) read_n = n;
  }
  await settle(step, place, { fresh: [...fresh.keys()], read_n });
  return { came: fresh.size, over };
}

/** What follows from rows that came. read_n: number of the newest that was read. */
async function settle(
  step: Step,
  place: Id,
  { fresh, read_n }: { readonly fresh: readonly Id[]; readonly read_n: number },
): Promise<void> {
  const chat = await step.chat(place);
  for (const identity of fresh) {
    await messages.isNews(step, identity); // what the mailbox still holds of it is known by now
    await actions.settleEarly(step, chat, identity);
  }
  await step.changeChat(place, { read_n });
  await reading.startRead(step, place);
  await reading.recount(step, place);
  step.event("history", place);
}

/** Whether this device had it, or has it in another chat. */
async function isKnown(step: Step, identity: Id): Promise<boolean> {
  const name = rows.bytesOf(identity);
  return (await step.tx.has("known", name)) || (await step.tx.lookup("message", name)) !== undefined;
}

/** Lines go before the first message that came after them. */
function* inOrder(before: readonly StoredMessage[], lines: readonly StoredMessage[]): Generator<StoredMessage> {
  const waiting = [...lines];
  for (const message of before) {
    while ((waiting[0]?.arrived ?? Infinity) <= message.arrived) yield waiting.shift() as StoredMessage;
    yield message;
  }
  yield* waiting;
}

/** Lines that do not stand here yet, as rows, oldest first. */
function newLines(
  step: Step,
  gid: Id,
  told: readonly ArchivedNotice[],
  here: readonly (readonly [number, StoredMessage])[],
): StoredMessage[] {
  const shown = new Set(here.map(([, message]) => nameOf(message)));
  const made = told.map((one) => lineOf(step, gid, one)).filter((row) => !shown.has(nameOf(row)));
  return made.sort((a, b) => a.arrived - b.arrived);
}

const nameOf = ({ notice, arrived }: StoredMessage): string => JSON.stringify([notice, arrived]);

/** Lines about somebody name him; the others say who did it. */
const ABOUT: readonly ArchivedNotice["code"][] = ["device-added", "device-replaced", "left"];

function lineOf(step: Step, gid: Id, { code, account, at, seconds }: ArchivedNotice): StoredMessage {
  const who = rows.idOf(account);
  const [by, whom] = ABOUT.includes(code) ? ["", [who]] : [who, []];
  const notice = {
    code: code === "device-replaced" ? ("rejoined" as const) : code,
    by,
    whom,
    text: code === "timer" ? String(seconds) : "",
  };
  const message_id = rows.idOf(step.rng(32));
  const times = { sent: shownTime(at), arrived: shownTime(at) };
  return { ...rows.EMPTY_MESSAGE, message_id, gid, account: by, device: 0, ...times, state: "received", notice };
}

/** A time that no calendar holds would break whoever shows it. */
const shownTime = (ms: number): number => Math.min(ms, messages.SENT_MAX_MS);

function rowOf(step: Step, gid: Id, message: ArchivedMessage): StoredMessage {
  const { call, expire_s, expires_at } = message;
  const account = rows.idOf(message.account);
  return {
    ...rows.EMPTY_MESSAGE,
    message_id: rows.idOf(message.message_id),
    gid,
    account,
    device: message.device,
    sent: shownTime(message.sent),
    arrived: shownTime(message.arrived),
    state: message.state,
    text: message.text,
    reply_to: rows.idOf(message.reply_to),
    versions: message.versions.map((one) => ({ ...one, message_id: rows.idOf(one.message_id) })),
    deleted_by: rows.idOf(message.deleted_by),
    reactions: message.reactions.map((one) => ({
      ...one,
      account: rows.idOf(one.account),
      message_id: rows.idOf(one.message_id),
    })),
    receipts: message.receipts.map((one) => ({ ...one, account: rows.idOf(one.account) })),
    kept: message.files.length > 0 ? contentOf(step, message) : message.kept,
    notice: call ? messages.callNotice({ form: "call-log", ...call }, account) : null,
    expire_s,
    expires_at: expires_at && (lookAt(expires_at, expire_s, step.now) ?? step.now),
  };
}

/** A content with these files, as if it had come. A text that is longer than one beside files may be is cut. */
function contentOf(step: Step, { files, looks, text, reply_to }: ArchivedMessage): Uint8Array {
  const named = files.map((file) => (file.attachment_id.length > 0 ? file : { ...file, attachment_id: NO_ID }));
  const form = { files: named, looks, text: captionOf(text), reply_to: reply_to.length > 0 ? reply_to : null };
  return content.encodeContent(encodeFiles(form, { salt: step.rng(16), extensions: new Map() }));
}

function captionOf(text: string): string {
  if (textSize(text) <= CAPTION_BYTES) return text;
  return new TextDecoder().decode(encodeText(text).subarray(0, CAPTION_BYTES - 3)).replace(/\ufffd+$/, "");
}
