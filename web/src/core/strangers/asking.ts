/** Requests of our own: to people who have not let us know how they are reached. Twin of zajil.client.contacting. */
import { encodeText } from "../../protocol/bytes.ts";
import { error, errorFromWire } from "../../protocol/errors.ts";
import * as chats from "../rules/chats.ts";
import * as contact from "../rules/contact/contact.ts";
import * as messages from "../rules/messages.ts";
import type { Core } from "../rules/core.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";

/** So long the server may take before a person sees the chat anyway. */
const PATIENCE_MS = 20_000;

/** The chat, and the message that is to go out. */
export interface Asked {
  readonly gid: Id;
  readonly message: Id;
}

/**
 * Ask an account to be a contact, with the one text that arrives before they accept; or write it into the DM with it,
 * where there is one. name: what to call them until they say it themselves.
 *
 * Throws `malformed` without a text, `text-too-long`, `bad-link` for our own account, `contact-blocked`.
 */
export async function ask(
  step: Step,
  { account, name, text }: { readonly account: Id; readonly name: string; readonly text: string },
): Promise<Asked> {
  if (text.trim() === "") throw error("malformed", "no text");
  if (encodeText(text).length > contact.REQUEST_TEXT_BYTES) throw error("text-too-long");
  if (account === step.profile.account_id) throw error("bad-link", "own account");
  const known = await accounts.known(step, account);
  if (known.blocked) throw error("contact-blocked");
  const asks = (await contact.incoming(step)).some(({ peer }) => peer === account);
  const waiting = (await rows.allChats(step.tx)).find(
    ({ request, peer, status }) =>
      request === "outgoing" && peer === account && (status === "creating" || status === "active"),
  );
  let gid: Id;
  if (known.contact_token.length > 0 || asks || (await chats.findDm(step, account)) !== undefined)
    gid = await chats.openDm(step, account);
  else if (waiting !== undefined) gid = waiting.gid;
  else {
    await accounts.learnIntroduction(step, account, name, null);
    gid = await chats.openRequest(step, account);
  }
  const message = await messages.submitText(step, gid, text);
  step.event("profile", gid);
  return { gid, message };
}

/** Until the server has it, or 20 s went by. Rejects with why it does not take it (`not-allowed`). */
export async function outcome(core: Core, message: Id): Promise<void> {
  const heard = { wake: (): void => undefined };
  const end = core.onTold(() => {
    heard.wake();
  });
  try {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      // Told again while it is looked at, it is looked at again.
      const told = new Promise<boolean>((resolve) => (heard.wake = () => resolve(true)));
      const found = await core.look((look) => rows.findMessage(look.tx, message));
      const { state, reason } = found?.[1] ?? { state: "sent", reason: "" };
      if (state === "failed") throw errorFromWire(reason);
      if (state !== "queued" && state !== "sending") return;
      if (!(await within(told, until - performance.now()))) return;
    }
  } finally {
    end();
  }
}

/** Whether it comes in time. */
async function within(told: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), Math.max(0, ms))));
  try {
    return await Promise.race([told, late]);
  } finally {
    clearTimeout(timer);
  }
}
