/** Control calls about own contact links and usernames: apart from the others, since they load with what makes them. */
import { B, D, EMPTY, fields, list, route, U32, uint } from "../control.ts";

/** A contact token in links of the caller. hash: its SHA-256. expires: Unix seconds. */
export interface OwnContactToken {
  readonly hash: Uint8Array;
  readonly uses_left: number;
  readonly expires: number;
}
/** The account that has the username of this key. */
export interface FoundUsername {
  readonly account_id: Uint8Array;
}
/** Those that still admit somebody, the next to expire first. */
export interface OwnContactTokens {
  readonly tokens: readonly OwnContactToken[];
}

export const CONTACT_TOKENS = route(
  "GET",
  "/contact-tokens",
  D,
  fields<OwnContactTokens>({
    tokens: list(fields<OwnContactToken>({ hash: B(32), uses_left: U32, expires: uint() })),
  }),
);
export const USERNAME = route("GET", "/usernames/{username}", D, fields<FoundUsername>({ account_id: B(16) }));
export const PUT_USERNAME = route("PUT", "/usernames/{username}", D, EMPTY);
export const DROP_USERNAME = route("DELETE", "/usernames/{username}", D, EMPTY);
