/** Calls about the recovery key, export and the end. What carries them out is loaded with the first one, or with a key. */
import { error } from "../../protocol/errors.ts";
import * as rows from "../state/rows.ts";
import type { Opening } from "../verbs/account.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import type { Kept } from "./kept.ts";
import { RECOVERY } from "./row.ts";
import type { RecoveryCalls } from "./view.ts";

const NAMES: readonly (keyof RecoveryCalls)[] = [
  ...(["recovery", "show_recovery_key", "confirm_recovery_key", "rotate_recovery_key"] as const),
  ...(["restore_account", "export_chats", "delete_account"] as const),
];

/** What outlives one leading device. */
export class KeptDoor {
  readonly #host: Host;
  readonly #opening: Opening;
  #kept: Promise<Kept> | undefined;

  constructor(host: Host, opening: Opening) {
    this.#host = host;
    this.#opening = opening;
  }

  readonly verbs = Object.fromEntries(
    NAMES.map((name) => [name, async (a: never) => (await this.#open())[name](a)]),
  ) as unknown as Handlers<keyof RecoveryCalls>; // each name has its own arguments, on both sides

  /** Look after the backup of a key that is here. */
  async begin(): Promise<void> {
    if (await this.#host.store.look((tx) => tx.has("meta", RECOVERY))) (await this.#open()).begin();
  }

  close(): void {
    void this.#kept?.then((kept) => kept.close());
    this.#kept = undefined;
  }

  async #open(): Promise<Kept> {
    try {
      this.#kept ??= import("./kept.ts").then(({ Kept }) => new Kept(this.#host, this.#opening));
      return await this.#kept;
    } catch (problem) {
      this.#kept = undefined;
      throw problem instanceof TypeError ? error("unreachable") : problem;
    }
  }
}

const AGE_MS = 86_400_000;

/** Whether the person is to be told of a recovery key: there is something to lose, and nothing that would bring it back. */
export async function isKeyDue(host: Pick<Host, "store" | "now">): Promise<boolean> {
  return host.store.look(async (tx) => {
    const profile = await rows.findProfile(tx);
    if (!profile?.registered || (await tx.has("meta", RECOVERY))) return false;
    // Another device would bring all of it back.
    const own = await rows.findAccount(tx, profile.account_id);
    if (own?.devices.length !== 1) return false;
    // Safari erases what pages keep after a week without a visit, so there it comes before the first message.
    if (/^(?!.*(Chrom|Android)).*Safari\//.test(navigator.userAgent)) return true;
    if (host.now() - profile.registered_at >= AGE_MS) return true;
    return (await rows.allChats(tx)).some((chat) => chat.kind !== 0 && chat.sent > 0);
  });
}
