/** The link that leads into a group: `<front>/g#<fragment>`. It never joins by itself: whoever opens it may ask. */
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, type GroupId, parseB64 } from "../ids.ts";
import { NAME_BYTES, SERVER_NAME_BYTES } from "../limits.ts";
import { joinLink, orBadLink, splitLink } from "../linktext.ts";

const VERSION = 1;

/**
 * Where to ask. invite_id: 16 bytes, of extension 0xF0A0 key 10. expires: Unix seconds.
 *
 * approver, contact_token (32 bytes): whom to ask. name: of the group, by the word of who made the link.
 */
export interface GroupLink {
  readonly server_name: string;
  readonly gid: GroupId;
  readonly invite_id: Uint8Array;
  readonly approver: AccountId;
  readonly contact_token: Uint8Array;
  readonly expires: number;
  readonly name: string | null;
  readonly front: string;
}

/** `<front>/g#<fragment>`, or the fragment alone where front is empty. */
export function encodeGroupLink(link: GroupLink): string {
  const values: [number, cbor.Value][] = [
    [1, VERSION],
    [2, link.server_name],
    [3, link.gid],
    [4, link.invite_id],
    [5, link.approver],
    [6, link.contact_token],
    [7, link.expires],
  ];
  if (link.name !== null) values.push([8, link.name]);
  return joinLink(link.front, "/g", cbor.encode(new Map(values)));
}

/** The link of a text a person pasted. Throws HomeError `bad-link`; whether it expired is for the caller. */
export function parseGroupLink(text: string): GroupLink {
  return orBadLink(() => {
    const { front, fragment } = splitLink(text, "/g");
    const fields = Fields.ofOpenMap(cbor.parse(parseB64(fragment)), [1, 2, 3, 4, 5, 6, 7]);
    if (fields.number(1) !== VERSION) throw error("unsupported-version", "group link");
    return {
      server_name: fields.text(2, SERVER_NAME_BYTES),
      gid: fields.blob(3, 16),
      invite_id: fields.blob(4, 16),
      approver: fields.blob(5, 16),
      contact_token: fields.blob(6, 32),
      expires: fields.number(7),
      name: fields.textOrNone(8, NAME_BYTES),
      front,
    };
  });
}
