/** Rows of this device as an archive. Half of the twin of zajil.client.history.packing; `unpacking` is the other. */
import * as content from "../../protocol/chat/content.ts";
import { parseFiles } from "../../protocol/chat/files.ts";
import {
  type ArchivedChat,
  type ArchivedMessage,
  type ArchivedNotice,
  encodeArchive,
  encodeChat,
  KEPT_BYTES,
  NOTICES,
  NOTICES_MAX,
  PART_BYTES,
  STATES,
} from "../../protocol/history/archive.ts";
import { ZajilError } from "../../protocol/errors.ts";
import { HISTORY_PARTS, MIB } from "../../protocol/limits.ts";
import { compare } from "../../protocol/bytes.ts";
import { NO_ID } from "../files/jobs.ts";
import type { Core } from "../rules/core.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, StoredMessage } from "../state/rows.ts";
import type { Look } from "../state/step.ts";

const ROWS_A_PIECE = 200;
/** Beyond it a piece is halved, so that no part outgrows what its reader takes. */
const PIECE_BYTES = 4 * MIB;

/**
 * The parts of an archive of all that this device shows in its chats, the newest chat first, HISTORY_PARTS at most.
 *
 * What still waits to go out comes by itself once it does; what is over never travels. Where a history is larger, the
 * oldest chats stay behind. Rows are read some at a time, each time in a look of its own, so that nobody who writes waits.
 */
export async function* pack(core: Core): AsyncGenerator<Uint8Array> {
  const account = await core.look((look) => Promise.resolve(rows.bytesOf(look.profile.account_id)));
  let chats: ArchivedChat[] = [];
  let [size, made] = [0, 0];
  for await (const whole of pieces(core)) {
    for (const [piece, bytes] of halved(whole)) {
      chats.push(piece);
      size += bytes;
      if (size < PART_BYTES) continue;
      yield encodeArchive({ account, chats });
      [chats, size, made] = [[], 0, made + 1];
      if (made === HISTORY_PARTS) return;
    }
  }
  if (chats.length > 0) yield encodeArchive({ account, chats });
}

/** A piece with its size, in halves where it is too large. */
function* halved(piece: ArchivedChat): Generator<readonly [ArchivedChat, number]> {
  const bytes = encodeChat(piece).length;
  const { messages } = piece;
  if (bytes <= PIECE_BYTES || messages.length < 2) return yield [piece, bytes];
  const middle = Math.ceil(messages.length / 2);
  yield* halved({ ...piece, messages: messages.slice(0, middle) });
  yield* halved({ ...piece, messages: messages.slice(middle), notices: [] });
}

async function* pieces(core: Core): AsyncGenerator<ArchivedChat> {
  const chats = await core.look((look) => rows.allChats(look.tx));
  for (const { gid } of chats.filter(isHanded)) {
    let after = 0;
    for (;;) {
      const from = after;
      const [last, piece] = await core.look((look) => readPiece(look, gid, from));
      if (last === undefined) break;
      after = last;
      if (piece.messages.length > 0 || piece.notices.length > 0) yield piece;
    }
  }
}

/** Neither what is not in the list of chats nor what this device is not in itself. */
const isHanded = ({ status, merged, quiet, request }: Chat): boolean =>
  (status === "active" || status === "creating") && merged === "" && !quiet && request !== "incoming";

/** The next rows of a chat, and the number of the last one; undefined where there are none. */
async function readPiece(look: Look, gid: Id, after: number): Promise<[number | undefined, ArchivedChat]> {
  const page = await look.tx.rows("message", rows.bytesOf(gid), { after, limit: ROWS_A_PIECE, once: true });
  const { read_n } = await look.chat(gid);
  const messages: ArchivedMessage[] = [];
  const notices: ArchivedNotice[] = [];
  let read_to: Uint8Array = new Uint8Array();
  for (const [n, data] of page) {
    const row = rows.parseMessage(data);
    notices.push(...packNotice(row));
    const message = row.notice && !row.notice.call ? undefined : packMessage(row);
    if (message === undefined || (row.expires_at > 0 && row.expires_at <= look.now)) continue;
    messages.push(message);
    if (n <= read_n) read_to = message.message_id;
  }
  // One row may make several lines, and of a piece with more of them its reader takes nothing.
  return [page.at(-1)?.[0], { gid: rows.bytesOf(gid), read_to, messages, notices: notices.slice(-NOTICES_MAX) }];
}

/** The lines that an archive knows; one for each of those whom a line names. */
function packNotice({ notice, arrived: at }: StoredMessage): ArchivedNotice[] {
  if (notice === null) return [];
  const code = NOTICES.find((one) => one === (notice.code === "rejoined" ? "device-replaced" : notice.code));
  if (code === undefined) return [];
  const whom = notice.whom.length > 0 ? notice.whom : [notice.by];
  const seconds = code === "timer" ? Number(notice.text) : 0;
  return whom.filter((id) => id !== "").map((id) => ({ code, account: rows.bytesOf(id), at, seconds }));
}

/** Undefined for what still waits, failed, or is larger than an archive holds. */
function packMessage(row: StoredMessage): ArchivedMessage | undefined {
  const state = STATES.find((one) => one === row.state);
  const found = row.kept.length > 0 ? filesOf(row.kept) : undefined;
  const kept = found ? new Uint8Array() : row.kept;
  if (state === undefined || kept.length > KEPT_BYTES) return undefined;
  const call = row.notice?.call;
  const blank = (id: Uint8Array): Uint8Array => (compare(id, NO_ID) === 0 ? new Uint8Array() : id);
  return {
    message_id: rows.bytesOf(row.message_id),
    account: rows.bytesOf(row.account),
    device: row.device,
    sent: row.sent,
    arrived: row.arrived,
    state,
    text: found?.text ?? row.text,
    reply_to: row.reply_to === "" ? (found?.reply_to ?? new Uint8Array()) : rows.bytesOf(row.reply_to),
    versions: row.versions.map((one) => ({ ...one, message_id: rows.bytesOf(one.message_id) })),
    deleted_by: row.deleted_by === "" ? new Uint8Array() : rows.bytesOf(row.deleted_by),
    reactions: row.reactions.map((one) => ({
      ...one,
      account: rows.bytesOf(one.account),
      message_id: rows.bytesOf(one.message_id),
    })),
    receipts: row.receipts.map((one) => ({ ...one, account: rows.bytesOf(one.account) })),
    kept,
    call: call ? { call: rows.bytesOf(call.id), kind: call.kind, outcome: call.outcome, seconds: call.seconds } : null,
    files: found?.files.map((file) => ({ ...file, attachment_id: blank(file.attachment_id) })) ?? [],
    looks: found?.looks ?? [],
    expire_s: row.expire_s,
    expires_at: row.expires_at,
  };
}

/** What a kept content with files says; undefined for one of a kind that this version does not show. */
function filesOf(kept: Uint8Array): ReturnType<typeof parseFiles> | undefined {
  try {
    return parseFiles(content.parseContent(kept)) ?? undefined;
  } catch (problem) {
    if (problem instanceof ZajilError) return undefined;
    throw problem;
  }
}
