/** What is looked for, and where a chat opens: the little that the first screens know of search. */
interface Finding {
  /** In the field above the chats. */
  query: string;
  /** The chat that is searched by itself, and for what. */
  chat: string | undefined;
  inside: string;
  /** The message that a chat opens at; taken by its feed. */
  at: { readonly chat: string; readonly message: string } | undefined;
}

export const finding = $state<Finding>({ query: "", chat: undefined, inside: "", at: undefined });

/** Search in this chat alone. */
export function findIn(chat: string): void {
  if (finding.chat !== chat) finding.inside = "";
  finding.chat = chat;
}
