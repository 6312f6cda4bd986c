/** The lines of a feed: messages in runs, notices, days, and where the unread ones begin. Pure. */
import type { MessageView, UploadView } from "../../core/api.ts";
import { startOfDay } from "../../i18n/date.ts";

export type Item =
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | { readonly kind: "unread"; readonly key: string; readonly at: number }
  | { readonly kind: "notice"; readonly key: string; readonly at: number; readonly message: MessageView }
  | { readonly kind: "upload"; readonly key: string; readonly at: number; readonly upload: UploadView }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly at: number;
      readonly message: MessageView;
      /** First and last of a run: the first bears the name, the last the wing corner. */
      readonly first: boolean;
      readonly last: boolean;
    };

/** Messages of one sender further apart than this are two runs. */
const RUN_MS = 10 * 60_000;

/**
 * firstUnread: id of the message above which the line "new messages" stands. uploads: what is not out yet stands behind
 * everything else.
 */
export function buildItems(
  messages: readonly MessageView[],
  firstUnread: string | undefined,
  uploads: readonly UploadView[] = [],
): Item[] {
  const items: Item[] = [];
  messages.forEach((message, at) => {
    const before = messages[at - 1];
    if (!before || startOfDay(before.at) !== startOfDay(message.at))
      items.push({ kind: "day", key: `day ${String(startOfDay(message.at))} ${message.id}`, at: message.at });
    if (message.id === firstUnread) items.push({ kind: "unread", key: "unread", at: message.at });
    if (message.notice) {
      items.push({ kind: "notice", key: message.id, at: message.at, message });
      return;
    }
    const after = messages[at + 1];
    const first = !joined(before, message) || message.id === firstUnread;
    const last = !joined(message, after) || after?.id === firstUnread;
    items.push({ kind: "message", key: message.id, at: message.at, message, first, last });
  });
  for (const upload of uploads) items.push({ kind: "upload", key: upload.id, at: upload.at, upload });
  return items;
}

function joined(one: MessageView | undefined, next: MessageView | undefined): boolean {
  if (!one || !next || one.notice || next.notice) return false;
  if (one.sender.account !== next.sender.account || one.own !== next.own) return false;
  return next.at - one.at < RUN_MS && startOfDay(one.at) === startOfDay(next.at);
}
