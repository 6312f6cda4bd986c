/** Calls about this account and this browser: their code loads with the first of them. */
import * as chats from "../../rules/chats.ts";
import * as groups from "../../rules/groups.ts";
import * as messages from "../../rules/messages.ts";
import * as recovery from "../../rules/recovery.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Look } from "../../state/step.ts";
import { meOf, type Opening } from "../account.ts";
import type { Handlers, Host } from "../handlers.ts";

/** The name, the devices, the copy that is kept. */
export function ownVerbs(host: Host, opening: Opening): Handlers<"set_name" | "persist" | "devices" | "recover"> {
  return {
    async set_name({ name }) {
      chats.checkName(name);
      const after = await host.core().step("name", async (step) => {
        step.profile = await rows.saveProfile(step.tx, { ...step.profile, name: name.trim() });
        for (const chat of await rows.allChats(step.tx)) {
          if (chat.kind === 0 || chat.status !== "active" || chat.merged !== "") continue;
          const told = chat.kind !== groups.DM || !(await accounts.anyBlocked(step, [chat.peer]));
          if (told) await messages.tellProfile(step, chat);
        }
        step.event("profile");
        return step.profile;
      });
      host.wake();
      return meOf(after);
    },
    async persist() {
      // A worker can only look; the page asks before it calls this.
      const storage = navigator.storage as StorageManager | undefined;
      return storage === undefined ? false : storage.persisted();
    },
    async recover() {
      await host.core().step("recover", (step) => recovery.recover(step));
      await opening.recovered();
    },
    devices: () => host.core().look(async (look) => ownDevices(look)),
  };
}

async function ownDevices(look: Look) {
  const account = await rows.findAccount(look.tx, look.profile.account_id);
  const list = account === undefined ? undefined : accounts.verifiedList(account);
  return (list?.list.devices ?? []).map((entry) => ({
    device: entry.device_id,
    added_at: entry.added * 1000,
    current: entry.device_id === look.profile.device_id,
  }));
}
