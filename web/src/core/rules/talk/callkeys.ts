/**
 * What a call needs of its group: keys of the epoch, the members, a token for the server (calls.md 5, 10).
 * Twin of zajil.client.core.talk.callkeys.
 */
import { error } from "../../../protocol/errors.ts";
import type { Group } from "../../mls/mls.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Look } from "../../state/step.ts";
import { checkMember } from "../chats.ts";
import * as groups from "../groups.ts";

const BASE_BYTES = 16;
/** Call id and call secret. */
const CONTEXT_BYTES = 48;

/** What the current epoch gives a call. baseKey: 16 bytes. leaf: our own. members: of the whole tree. */
export interface CallKeys {
  readonly epoch: number;
  readonly baseKey: Uint8Array;
  readonly leaf: number;
  readonly members: readonly { readonly leaf: number; readonly account: Id; readonly device: number }[];
}

/** What the server asks for before it gives a relay or a room. token: 32 bytes. */
export interface Token {
  readonly epoch: number;
  readonly token: Uint8Array;
}

/**
 * The keys of a call in the group's current epoch. context: call id and call secret, 48 bytes.
 *
 * Throws `not-a-member`, `chat-stuck`. Source: RFC 9605 5.2, with a context of the call instead of the empty one.
 */
export async function callKeys(look: Look, gid: Id, context: Uint8Array): Promise<CallKeys> {
  if (context.length !== CONTEXT_BYTES) throw error("wrong-call", "context of 48 bytes");
  const { chat, group } = await usable(look, gid);
  const baseKey = await group.export("SFrame 1.0 Base Key", context, BASE_BYTES);
  return { epoch: chat.epoch, baseKey, leaf: chat.own_leaf, members: chat.members };
}

/** The epoch and its send token. Throws `not-a-member`, `chat-stuck`. */
export async function sendToken(look: Look, gid: Id): Promise<Token> {
  const { chat, group } = await usable(look, gid);
  return { epoch: chat.epoch, token: await groups.sendToken(group, gid) };
}

/** The very group, where we are in it and follow it. */
async function usable(look: Look, gid: Id): Promise<{ readonly chat: Chat; readonly group: Group }> {
  await checkMember(look, gid);
  const chat = await look.chat(gid);
  const group = await look.findGroup(gid);
  if (chat.status !== "active" || group === undefined) throw error("chat-stuck");
  return { chat, group };
}
