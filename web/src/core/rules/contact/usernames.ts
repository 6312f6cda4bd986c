/**
 * The account's username on all its devices: the server keeps a slow hash of it, so they tell each other.
 * Twin of zajil.client.core.contact.naming.
 */
import { EMPTY_SYNC, type SyncUsername } from "../../../protocol/chat/parts.ts";
import * as rows from "../../state/rows.ts";
import type { Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { loadUsername, saveUsername } from "../../state/usernames.ts";
import { SELF } from "../groups.ts";
import * as messages from "../messages.ts";

/** This device took a name, or gave it up (null): the others are told. */
export async function note(step: Step, name: string | null): Promise<void> {
  await saveUsername(step.tx, { name, at: Math.max(step.now, (await loadUsername(step.tx)).at + 1) });
  const self = (await rows.allChats(step.tx)).find((chat) => chat.kind === SELF && chat.merged === "");
  if (self !== undefined) await tellNewDevice(step, self.gid);
  step.event("profile");
}

/** A device that is being added learns it. Call it once its Add is queued. */
export async function tellNewDevice(step: Step, self: Id): Promise<void> {
  const username = await loadUsername(step.tx);
  if (username.at > 0) await messages.submitControl(step, self, { ...EMPTY_SYNC, username });
}

/** Another device of ours took a name or gave it up; the latest counts. */
export async function take(step: Step, told: SyncUsername): Promise<void> {
  if (told.at <= (await loadUsername(step.tx)).at) return;
  await saveUsername(step.tx, told);
  step.event("profile");
}
