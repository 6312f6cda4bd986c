/**
 * Links and codes people pass on: the contact link (also a server invite), and the code that links a new device.
 *
 * All live in the fragment of a URL, which never reaches a server; readers take the fragment alone too.
 */
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, parseB64 } from "../ids.ts";
import { NAME_BYTES, SERVER_NAME_BYTES } from "../limits.ts";
import { joinLink, orBadLink, splitLink } from "../linktext.ts";
import {
  encodePrivateBridges,
  parsePrivateBridges,
  PRIVATE_BRIDGES_BYTES,
  type PrivateBridges,
} from "../reach/endpoints.ts";

export const VERSION = 1;

/**
 * An invitation. server_name: the permanent name, not the address. expires: Unix seconds.
 *
 * account_id, contact_token (32 bytes): whom to write to; both null in an operator's invite to the server. Without a
 * token it names whom to ask.
 * code: registers the guest. front: the address the link was given out with, "" for a bare fragment.
 * bridges: private ways to the server for a guest whom it cannot be reached by directly.
 */
export interface ContactLink {
  readonly server_name: string;
  readonly expires: number;
  readonly account_id: AccountId | null;
  readonly contact_token: Uint8Array | null;
  readonly name: string | null;
  readonly code: string | null;
  readonly front: string;
  readonly bridges?: PrivateBridges | null;
}

/** `<front>/i#<fragment>`, or the fragment alone where front is empty. */
export function encodeContactLink(link: ContactLink): string {
  const all: [number, cbor.Value][] = [
    [1, VERSION],
    [2, link.server_name],
    [3, link.account_id],
    [4, link.contact_token],
    [5, link.expires],
    [6, link.name],
    [7, link.bridges ? encodePrivateBridges(link.bridges) : null],
    [8, link.code],
  ];
  return joinLink(link.front, "/i", cbor.encode(new Map(all.filter(([, value]) => value !== null))));
}

/** The link of a text a person pasted. Throws HomeError `bad-link`; whether it expired is for the caller. */
export function parseContactLink(text: string): ContactLink {
  return orBadLink(() => {
    const { front, fragment } = splitLink(text, "/i");
    const fields = Fields.ofOpenMap(cbor.parse(parseB64(fragment)), [1, 2, 5]);
    if (fields.number(1) !== VERSION) throw error("unsupported-version", "contact link");
    if (fields.has(4) && !fields.has(3)) throw error("malformed", "token without account");
    return {
      server_name: fields.text(2, SERVER_NAME_BYTES),
      expires: fields.number(5),
      account_id: fields.blobOrNone(3, 16),
      contact_token: fields.blobOrNone(4, 32),
      name: fields.textOrNone(6, NAME_BYTES),
      code: fields.textOrNone(8, 64),
      front,
      bridges: fields.has(7) ? parsePrivateBridges(fields.bytes(7, PRIVATE_BRIDGES_BYTES)) : null,
    };
  });
}

/** What a new device shows and an old one takes. addr: 16 bytes; offer_hash: 32; secret: 16, never to the server. */
export interface LinkCode {
  readonly server_name: string;
  readonly addr: Uint8Array;
  readonly offer_hash: Uint8Array;
  readonly secret: Uint8Array;
  readonly front: string;
}

/** `<front>/l#<fragment>`, or the fragment alone where front is empty. */
export function encodeLinkCode(code: LinkCode): string {
  return joinLink(code.front, "/l", cbor.encode([VERSION, code.server_name, code.addr, code.offer_hash, code.secret]));
}

/** The code of a text a person pasted or scanned. Throws HomeError `bad-link`. */
export function parseLinkCode(text: string): LinkCode {
  return orBadLink(() => {
    const { front, fragment } = splitLink(text, "/l");
    const fields = Fields.ofArray(cbor.parse(parseB64(fragment)), 5);
    if (fields.number(0) !== VERSION) throw error("unsupported-version", "link code");
    return {
      server_name: fields.text(1, SERVER_NAME_BYTES),
      addr: fields.blob(2, 16),
      offer_hash: fields.blob(3, 32),
      secret: fields.blob(4, 16),
      front,
    };
  });
}
