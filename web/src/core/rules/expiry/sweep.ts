/**
 * What is over goes, whole: its row with texts, versions, reactions, receipts, proofs and keys, and its files.
 * Twin of zajil.client.core.expiry.sweep.
 *
 * What stays for 60 days is that its id was here, so a late double is no news, and that it ran out, for what quotes it.
 * Edits and reactions of ours that still wait are sent: other people may have the message longer.
 */
import { ascii, concat } from "../../../protocol/bytes.ts";
import { lookAt } from "../../../protocol/chat/expiry.ts";
import { allRows, dropRow } from "../../files/kept.ts";
import * as deadlines from "../../state/deadlines.ts";
import * as rows from "../../state/rows.ts";
import type { Id } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { placeOf } from "../talk/places.ts";
import * as reading from "../talk/reading.ts";

/** Under which name `known` has it that a message ran out. */
const goneName = (identity: Id): Uint8Array => concat(ascii("expired "), rows.bytesOf(identity));

/** Unix ms at which the next message is over. */
export async function nextDeadline(look: Look): Promise<number | undefined> {
  return (await deadlines.loadPlan(look.tx)).next_at || undefined;
}

/** Remove what is over, and bring back what a clock that went back has put too far away. */
export async function sweep(step: Step): Promise<void> {
  if (!(await deadlines.isDue(step.tx, step.now))) return;
  const left: number[] = [];
  for (const deadline of await deadlines.allDeadlines(step.tx)) {
    const at = lookAt(deadline.at, deadline.span_s, step.now);
    if (at === null) {
      await remove(step, deadline.message_id);
      continue;
    }
    if (at !== deadline.at) await bringBack(step, { ...deadline, at });
    left.push(at);
  }
  await deadlines.savePlan(step.tx, { next_at: left.length > 0 ? Math.min(...left) : 0, looked_at: step.now });
}

async function bringBack(step: Step, deadline: deadlines.Deadline): Promise<void> {
  await deadlines.save(step.tx, deadline);
  const found = await rows.findMessage(step.tx, deadline.message_id);
  if (found !== undefined) await rows.saveMessage(step.tx, found[0], { ...found[1], expires_at: deadline.at });
}

async function remove(step: Step, identity: Id): Promise<void> {
  await deadlines.drop(step.tx, identity);
  const found = await rows.findMessage(step.tx, identity);
  if (found === undefined) return;
  const [n, { gid, kept }] = found;
  await step.tx.remove("message", n);
  if (kept.length > 0) {
    for (const row of await allRows(step.tx)) if (row.message === identity) await dropRow(step, row);
  }
  await noteGone(step, identity);
  const place = await placeOf(step, gid);
  await reading.recount(step, place);
  step.event("expired", place, identity);
}

/** The id of a message that ran out is known for another 60 days, and so is why it is not here. */
export async function noteGone(step: Step, identity: Id): Promise<void> {
  const name = rows.bytesOf(identity);
  await rows.saveEarly(step.tx, identity, []);
  await step.tx.put("known", name, (await step.tx.find("known", name)) ?? new Uint8Array());
  await step.tx.put("known", goneName(identity), new Uint8Array());
}

/** Whether the message of this id was here and ran out. */
export function isGone(look: Look, identity: Id): Promise<boolean> {
  return look.tx.has("known", goneName(identity));
}
