/**
 * A store that was put back from an old copy: forget what could be used twice, then ask to be re-added everywhere.
 * Twin of zajil.client.core.recovery.
 */
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as chats from "./chats.ts";
import * as groups from "./groups.ts";
import * as keypackages from "./keypackages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";

/**
 * Begin anew as the same device, after the person decided that this copy is the one to keep (mls.md 7.10).
 *
 * Every restored KeyPackage secret and group state goes: generations of the copy may have been used already.
 */
export async function recover(step: Step): Promise<void> {
  step.noteRecovery();
  await keypackages.forgetAll(step);
  await step.tx.clear("held");
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.status === "removed" || chat.status === "left") continue;
    await readd.lose(step, chat.gid, "restored");
    for (const [n, item] of await rows.items(step.tx, chat.gid)) {
      if (item.kind === "create") await outbox.finish(step, n, item);
    }
  }
  await step.changeSession({ rolled_back: false, adopt_ack: true, drained: 0, token: "", token_expires: 0 });
  await renewSelfChat(step);
}

/** Without another device nobody could bring us back into the old self group, so a new one takes its place. */
async function renewSelfChat(step: Step): Promise<void> {
  const own = await accounts.known(step, step.profile.account_id);
  if (own.devices.some(([device]) => device !== step.profile.device_id)) return;
  const all = await rows.allChats(step.tx);
  const old = all.filter((chat) => chat.kind === groups.SELF && chat.merged === "");
  const fresh = await chats.openSelfChat(step);
  for (const chat of old) {
    await step.changeChat(chat.gid, { merged: fresh, status: "removed", asking: null });
    for (const [n] of await step.tx.rows("message", rows.bytesOf(chat.gid))) {
      await step.tx.move("message", n, rows.bytesOf(fresh));
    }
  }
}
