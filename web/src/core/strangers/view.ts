/** What crosses between a tab and the worker about people this account does not know yet, or no more. */

/**
 * Somebody unknown who asks to write. id: of the request. text: plain, whatever it holds; empty where what they said
 * first fits into no request. at: Unix ms.
 *
 * resembles: name of a contact that looks like theirs.
 */
export interface ContactRequest {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly text: string;
  readonly at: number;
  readonly resembles?: string;
}

/** Whom a username belongs to. known: what they are to this account. */
export interface FoundUsername {
  readonly account: string;
  /** As it is shown, without `@`. */
  readonly username: string;
  readonly known: "no" | "contact" | "self";
}

/** The calls about usernames; their tables and their slow hash are loaded with the first one. */
export interface UsernameCalls {
  /** The account's own as its devices told each other; "" where it has none. */
  username(): string;
  /** Take a name in the place of the one before; as it is shown. Throws `bad-handle`, `handle-taken`, `quota`. */
  set_username(a: { name: string }): string;
  /** Nobody else gets it for 90 days. Throws `gone` where there is none. */
  release_username(): void;
  /** The server learns a slow hash of the name. Throws `gone` where it is nobody's, `bad-handle`, `slow-down`. */
  find_username(a: { name: string }): FoundUsername;
}

/** The calls about them; what carries them out is loaded with the first one. */
export interface StrangerCalls {
  /** The newest first. */
  requests(): readonly ContactRequest[];
  /** accept: chat id of what is a chat like any other from now on. Throws `gone`. */
  answer_request(a: { id: string; answer: "accept" | "decline" | "block" }): string;
  /**
   * Ask to write to an account: chat id, once the server has it, or after 20 s. name: of whoever it is, until they say
   * theirs. text: the one that arrives before they accept, up to 2,048 bytes. Throws `not-allowed` where nobody is there
   * or was asked within 30 days, `contact-blocked`, `text-too-long`.
   */
  request_contact(a: { account: string; name: string; text: string }): string;
  /** Nothing of this person shows any more, on any own device; or again what they write from now on. */
  set_blocked(a: { account: string; blocked: boolean }): void;
  blocked_people(): readonly { readonly account: string; readonly name: string }[];
}
