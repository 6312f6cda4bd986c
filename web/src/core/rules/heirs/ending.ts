/** Whether a group is stuck. What makes, judges and follows successors is in `heirs`, loaded for them. */
import type { Chat } from "../../state/rows.ts";

/** Whether nobody has brought us back into a group that we cannot follow, or whose server refuses what we seal. */
export function isStuck(chat: Chat): boolean {
  return chat.heir === null && chat.asking?.reason === "refused";
}
