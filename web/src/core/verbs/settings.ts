/** The switches of this account and this browser. */
import type { Settings } from "../api.ts";
import * as privacy from "../rules/talk/privacy.ts";
import * as rows from "../state/rows.ts";
import type { ReadTx } from "../store/types.ts";
import type { Handlers, Host } from "./handlers.ts";

const LOCAL = new TextEncoder().encode("settings");

/** Those that are this browser's own; the others are the account's (`Privacy`). */
type Local = Pick<Settings, "notifications" | "enter_sends">;

async function readSettings(tx: ReadTx): Promise<Settings> {
  const data = await tx.find("meta", LOCAL);
  const local: Local = { notifications: false, enter_sends: true };
  const { receipts, typing } = await rows.loadPrivacy(tx);
  return { ...local, ...(data === undefined ? {} : rows.parseRow<Local>(data)), receipts, typing };
}

/** Calls about the switches. */
export function settingsVerbs(host: Host): Handlers<"settings" | "set_settings"> {
  return {
    settings: () => host.core().look((look) => readSettings(look.tx)),
    async set_settings(changes) {
      const after = await host.core().step("settings", async (step) => {
        const before = await readSettings(step.tx);
        const next: Settings = { ...before, ...changes };
        const { notifications, enter_sends } = next;
        await step.tx.put("meta", LOCAL, rows.encodeRow({ notifications, enter_sends } satisfies Local));
        if (next.receipts !== before.receipts || next.typing !== before.typing) {
          await privacy.change(step, next);
        }
        return next;
      });
      host.emit({ event: "settings" });
      host.wake();
      return after;
    },
  };
}
