/** The two switches of an account, receipts and typing, and how its devices agree. Twin of client.core.talk.privacy. */
import { EMPTY_SYNC, type SyncPrivacy } from "../../../protocol/chat/parts.ts";
import * as rows from "../../state/rows.ts";
import type { Privacy } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as messages from "../messages.ts";
import { findSelfChat } from "./places.ts";

/** Set both switches here and tell our other devices. */
export async function change(step: Step, to: Pick<Privacy, "receipts" | "typing">): Promise<Privacy> {
  const before = await rows.loadPrivacy(step.tx);
  if (before.receipts === to.receipts && before.typing === to.typing) return before;
  const { receipts, typing } = to;
  const after = await set(step, { receipts, typing, at: Math.max(step.now, before.at + 1) });
  const selfChat = await findSelfChat(step);
  if (selfChat !== undefined) await messages.submitControl(step, selfChat, { ...EMPTY_SYNC, privacy: after });
  return after;
}

/** Another device of ours set them; the latest counts. */
export async function take(step: Step, told: SyncPrivacy): Promise<void> {
  const before = await rows.loadPrivacy(step.tx);
  if (told.at <= before.at) return;
  await set(step, { receipts: told.receipts, typing: told.typing, at: told.at });
  step.event("privacy");
}

async function set(step: Step, privacy: Privacy): Promise<Privacy> {
  if (!privacy.receipts) {
    for (const chat of await rows.allChats(step.tx)) {
      if (Object.keys(chat.owed).length > 0) await step.changeChat(chat.gid, { owed: {}, owed_at: 0 });
    }
  }
  return rows.savePrivacy(step.tx, privacy);
}
