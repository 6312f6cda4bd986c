/** What crosses to a tab of a search: no more of a message than the words around what was found. */
type ChatKind = "self" | "dm" | "group";

/** A range of a text in UTF-16 units. */
export type Mark = readonly [start: number, end: number];

/** A text, and where what was looked for stands in it. */
export interface Marked {
  readonly text: string;
  readonly marks: readonly Mark[];
}

/** A chat whose name was found; of the self chat it is the name that the tab gave. */
export interface FoundChat {
  readonly id: string;
  readonly kind: ChatKind;
  readonly peer?: string;
  readonly title: Marked;
}

/** A contact whose name was found and with whom there is no chat yet. */
export interface FoundPerson {
  readonly account: string;
  readonly name: Marked;
}

/** A message: the words around the first mark on one line, and the names of its files that were found. */
export interface FoundMessage {
  readonly id: string;
  readonly chat: string;
  readonly kind: ChatKind;
  /** Of its chat; empty for the self chat. */
  readonly title: string;
  readonly sender: { readonly account: string; readonly name: string };
  readonly own: boolean;
  readonly at: number;
  readonly text: Marked;
  readonly files: readonly Marked[];
}

export interface SearchPage {
  /** The query has fewer than two letters and digits. */
  readonly short: boolean;
  readonly chats: readonly FoundChat[];
  readonly people: readonly FoundPerson[];
  /** The newest first. */
  readonly messages: readonly FoundMessage[];
  /** Where to go on; absent where everything was looked at. */
  readonly next?: number;
}

export interface SearchCalls {
  /**
   * What holds every word of the query, as far as it is found in a moment: ask again from `next`. Whoever no longer
   * wants to know asks no more. Chats and people come with the first page of a search in all chats.
   * self: what the tab calls the self chat. Throws `unknown-chat`, `unreachable` where the search could not be loaded.
   */
  search(a: { query: string; chat?: string; from?: number; self?: string }): SearchPage;
}
