/** Where messages stand: the chat people see, which for two merged chats of two is one. Twin of client.core.talk.places. */
import { error } from "../../../protocol/errors.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, StoredMessage } from "../../state/rows.ts";
import type { Look } from "../../state/step.ts";
import { SELF } from "../groups.ts";

/** The chat that shows what is said in a group. */
export async function placeOf(look: Look, gid: Id): Promise<Id> {
  const chat = await rows.findChat(look.tx, gid);
  return chat?.merged || gid;
}

/**
 * Whether people see this chat among theirs: not one that was merged, one that was made to ask in and where nobody
 * wrote yet, a stranger's request, and a request of ours that came to nothing.
 */
export const isListed = ({ merged, quiet, request, status }: Chat): boolean =>
  merged === "" && !quiet && request !== "incoming" && (request === "" || status !== "removed");

/** Number and row of a message of this chat, undefined where it is not here or stands in another one. */
export async function findMessage(look: Look, gid: Id, identity: Id): Promise<[number, StoredMessage] | undefined> {
  const found = await rows.findMessage(look.tx, identity);
  if (found === undefined) return undefined;
  return (await placeOf(look, found[1].gid)) === (await placeOf(look, gid)) ? found : undefined;
}

/** As `findMessage`; a message that moved is found under its old id too. Throws `gone`. */
export async function loadMessage(look: Look, gid: Id, identity: Id): Promise<[number, StoredMessage]> {
  const found = await findMessage(look, gid, identity);
  if (found !== undefined) return found;
  const moved = await look.tx.find("known", rows.bytesOf(identity));
  const again = moved === undefined || moved.length === 0 ? undefined : await findMessage(look, gid, rows.idOf(moved));
  if (again === undefined) throw error("gone", "message");
  return again;
}

/** The group of our own devices, where another device is in it to be told something. */
export async function findSelfChat(look: Look): Promise<Id | undefined> {
  const all = await rows.allChats(look.tx);
  return all.find((c) => c.kind === SELF && c.status === "active" && c.merged === "" && c.members.length > 1)?.gid;
}
