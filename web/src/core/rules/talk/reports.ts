/** What a report of messages consists of: the proofs kept with them. Twin of zajil.client.core.talk.reports. */
import * as content from "../../../protocol/chat/content.ts";
import { error } from "../../../protocol/errors.ts";
import { ITEMS_MAX, type ReportedMessage, type ReportItem, readMessage } from "../../../protocol/report.ts";
import * as rows from "../../state/rows.ts";
import type { Id, Proof, StoredMessage } from "../../state/rows.ts";
import type { Look } from "../../state/step.ts";
import { loadMessage } from "./places.ts";

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
