/** What crosses between a tab and the worker about people this account does not know yet, or no more. */

/**
 * Somebody unknown who asks to write. id: of the request. text: plain, whatever it holds. at: Unix ms.
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
