/** What a server that came back from a backup is told anew; loads when that is met. Twin of blocking.tell_again. */
import { storeAgain } from "../kept/state.ts";
import * as contact from "../rules/contact/contact.ts";
import * as groups from "../rules/groups.ts";
import { noteBack } from "../rules/heirs/returning.ts";
import * as accounts from "../state/accounts.ts";
import * as doors from "../state/doors.ts";
import * as rows from "../state/rows.ts";
import type { Step } from "../state/step.ts";

/** It is to hold again what was decided here, and our other devices may have missed that. */
export async function tellAgain(step: Step): Promise<void> {
  await doors.changeDoors(step.tx, { token_due: true });
  await doors.bringLinks(step.tx, step.now);
  await storeAgain(step);
  for (const chat of await rows.allChats(step.tx)) {
    const { blocked, blocked_at } = await accounts.known(step, chat.peer);
    if (chat.kind === groups.DM && blocked_at > 0) await doors.turn(step.tx, chat.via, blocked ? "deny" : "allow");
  }
  await contact.tellNewDevice(step);
  await noteBack(step);
}
