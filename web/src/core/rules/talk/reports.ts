/** What a report of messages consists of: the proofs kept with them. Twin of zajil.client.core.talk.reports. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeText, equal } from "../../../protocol/bytes.ts";
import * as content from "../../../protocol/chat/content.ts";
import { encodeJson, type Json } from "../../../protocol/control.ts";
import { error } from "../../../protocol/errors.ts";
import { ITEMS_MAX, type ReportedMessage, type ReportItem, readMessage } from "../../../protocol/report.ts";
import * as rows from "../../state/rows.ts";
import type { Id, Proof, StoredMessage } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import type { ReadTx } from "../../store/types.ts";
import { loadMessage } from "./places.ts";

const ROW = encodeText("reports");
const UNANSWERED_MAX = 16;
/** So long a server knows what it answered. */
const REMEMBERED_MS = 24 * 3_600_000;

/** Whom a report is about, and the contents that would be sent, in the order of the messages chosen. */
export interface Draft {
  readonly account: Id;
  readonly proofs: readonly Proof[];
}

/**
 * The report of these messages of a chat: each with its edits, up to the six latest texts of it.
 *
 * Throws `gone`; `not-reportable` for no message, an own one, one that was deleted or came before proofs were kept,
 * messages of more than one person, or more than six texts.
 */
export async function draftReport(look: Look, gid: Id, identities: readonly Id[]): Promise<Draft> {
  const chosen: StoredMessage[] = [];
  for (const identity of new Set(identities)) chosen.push((await loadMessage(look, gid, identity))[1]);
  const proofs = chosen.flatMap((message) => message.proofs.slice(-ITEMS_MAX));
  const [author, ...others] = new Set(chosen.map((message) => message.account));
  const complete = chosen.every((message) => message.proofs.length > 0);
  const foreign = author !== undefined && author !== look.profile.account_id && others.length === 0;
  if (!foreign || !complete || proofs.length > ITEMS_MAX) throw error("not-reportable");
  return { account: author, proofs };
}

/** What moderators would read. It is what the server makes of the same bytes. */
export function showDraft(look: Look, draft: Draft): readonly ReportedMessage[] {
  return draft.proofs.map((proof) => readMessage(content.parseContent(proof.content), look.profile.server_name));
}

/** The items of the call that sends it. */
export function itemsOf(draft: Draft): readonly ReportItem[] {
  return draft.proofs.map(({ content: data, sig, epoch, gid, ts, frank, cert }) => {
    return { content: data, sig, epoch, gid: rows.bytesOf(gid), ts, frank, cert };
  });
}

/** A report that the server may have. digest: SHA-256 of the call. key: its Idempotency-Key. at: Unix ms. */
interface Unanswered {
  readonly digest: Uint8Array;
  readonly key: Uint8Array;
  readonly at: number;
}

interface Sent {
  readonly unanswered: readonly Unanswered[];
}

async function loadSent(tx: ReadTx): Promise<readonly Unanswered[]> {
  const data = await tx.find("meta", ROW);
  return data === undefined ? [] : rows.parseRow<Sent>(data, { unanswered: [] }).unanswered;
}

/**
 * The name by which the server takes this report once, 16 bytes: of the try before, where that got no answer. It is kept,
 * so also where the browser was closed before the answer came.
 */
export async function keyOf(step: Step, request: Json): Promise<Uint8Array> {
  const digest = sha256(encodeText(encodeJson(request)));
  const held = (await loadSent(step.tx)).filter(({ at }) => at + REMEMBERED_MS > step.now);
  const tried = held.find((one) => equal(one.digest, digest));
  if (tried !== undefined) return tried.key;
  const made: Unanswered = { digest, key: step.rng(16), at: step.now };
  await step.tx.put("meta", ROW, rows.encodeRow({ unanswered: [...held, made].slice(-UNANSWERED_MAX) }));
  return made.key;
}

/** The server took it or refused it; the same messages reported anew are another report. */
export async function noteAnswered(step: Step, key: Uint8Array): Promise<void> {
  const left = (await loadSent(step.tx)).filter((one) => !equal(one.key, key));
  await step.tx.put("meta", ROW, rows.encodeRow({ unanswered: left }));
}
