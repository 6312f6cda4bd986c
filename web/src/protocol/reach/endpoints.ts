/**
 * Where a server can be reached: endpoints, and the private bridges that an invite or a bridge link carries.
 *
 * Field 7 of a contact link and the bridge link hold the same deterministic CBOR, under 300 bytes:
 * `{1: SHA-256 of the root document's body, 2: token id (8), 3: token (32), 4: [[host, port, dir], 1 to 3 of them]}`.
 */
import * as cbor from "../cbor.ts";
import { error, ZajilError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeB64, parseB64 } from "../ids.ts";
import { SERVER_NAME_BYTES } from "../limits.ts";
import { joinLink, orBadLink, splitLink } from "../linktext.ts";

export const PRIVATE_BRIDGES_BYTES = 299;
const PRIVATE_BRIDGES = 3;
const DIR_BYTES = 64;
const SCHEME = "zajil:";
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(?=[a-z0-9.-]{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
const DIR = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** What ends TLS there: the home server itself, a CDN, a volunteer's bridge, or a pluggable transport. */
export type EndpointKind = "origin" | "front" | "bridge" | "pt";

/** One way to a server. host: lower case. token: opens the secret path of a bridge. private: came with a link. */
export interface Endpoint {
  readonly id: string;
  readonly kind: EndpointKind;
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  readonly token: Uint8Array | null;
  /** 1 to 100. */
  readonly weight: number;
  readonly private: boolean;
}

/** A token (32) with its id (8) and the bridges it opens, 1 to 3. root_hash (32) pins the server's root. */
export interface PrivateBridges {
  readonly root_hash: Uint8Array;
  readonly token_id: Uint8Array;
  readonly token: Uint8Array;
  readonly bridges: readonly (readonly [host: string, port: number, dir: string])[];
}

/** Whether this is a host name in lower case (letters, digits, hyphens, dots) or an IPv4 address. */
export function isHost(text: string): boolean {
  const url = `https://${text}`;
  return HOST.test(text) && URL.canParse(url) && new URL(url).hostname === text;
}

/** Whether this is a folder of a URL: no slash at either end, nothing that needs an escape, no dot file. */
export const isDir = (text: string): boolean => text.length <= DIR_BYTES && DIR.test(text);

/** The bridges in order, as `private-1` and so on. */
export function endpointsOf({ bridges, token }: PrivateBridges): Endpoint[] {
  return bridges.map(([host, port, dir], at) => ({
    id: `private-${at + 1}`,
    kind: "bridge",
    host,
    port,
    dir,
    token,
    weight: 10,
    private: true,
  }));
}

/** The CBOR of field 7. Throws LocalProtocolError for what `parsePrivateBridges` would refuse. */
export function encodePrivateBridges({ root_hash, token_id, token, bridges }: PrivateBridges): Uint8Array {
  const fields = [root_hash, token_id, token, bridges.map((bridge) => [...bridge])];
  const data = cbor.encode(new Map(fields.map((value, at) => [at + 1, value])));
  try {
    parsePrivateBridges(data);
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    throw error("wrong-call", "private bridges");
  }
  return data;
}

/** The bridges of field 7. Throws HomeError `bad-link`. */
export function parsePrivateBridges(data: Uint8Array): PrivateBridges {
  return orBadLink(() => {
    if (data.length > PRIVATE_BRIDGES_BYTES) throw error("malformed", "private bridges of 300 bytes or more");
    const fields = Fields.ofMap(cbor.parse(data), [1, 2, 3, 4]);
    const bridges = fields.items(4, PRIVATE_BRIDGES).map(parseBridge);
    if (!bridges.length) throw error("malformed", "no bridge");
    return { root_hash: fields.blob(1, 32), token_id: fields.blob(2, 8), token: fields.blob(3, 32), bridges };
  });
}

function parseBridge(item: cbor.Parsed): readonly [string, number, string] {
  const fields = Fields.ofArray(item, 3);
  const host = fields.text(0, SERVER_NAME_BYTES);
  const port = fields.number(1, 16);
  const dir = fields.text(2, DIR_BYTES);
  if (!isHost(host) || !port || !isDir(dir)) throw error("malformed", "address of a bridge");
  return [host, port, dir];
}

/** `<front>/b#<base64url>` for a person to share, or `zajil:<base64url>` where front is empty. */
export function encodeBridgeLink(bridges: PrivateBridges, front = ""): string {
  const data = encodePrivateBridges(bridges);
  return front ? joinLink(front, "/b", data) : SCHEME + encodeB64(data);
}

/**
 * The bridges of a text a person pasted or scanned: either form, or the bare fragment.
 *
 * Whose server they lead to is for the caller (`root_hash`). Throws HomeError `bad-link`.
 */
export function parseBridgeLink(text: string): PrivateBridges {
  const link = text.trim();
  const schemed = link.slice(0, SCHEME.length).toLowerCase() === SCHEME;
  return orBadLink(() =>
    parsePrivateBridges(parseB64(schemed ? link.slice(SCHEME.length) : splitLink(link, "/b").fragment)),
  );
}
