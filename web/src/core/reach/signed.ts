/**
 * The two documents a server signs, its root and its list of endpoints: DSSE envelopes under TUF's rules.
 *
 * The rules are those of zajil.protocol.reach.signed, which also says why; vectors/signed.json binds both. What this
 * client has no use for (app origins, addresses, pluggable transports) is not read.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, equal } from "../../protocol/bytes.ts";
import { B, fields, list, or, orNull, parseJson, type Read, text, uint } from "../../protocol/control.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import { type Endpoint, type EndpointKind, isDir, isHost } from "../../protocol/reach/endpoints.ts";
import { verify } from "../crypto.ts";
import type { SessionKey } from "./seal.ts";

const ROOT_TYPE = "application/vnd.zajil.root+json";
const LIST_TYPE = "application/vnd.zajil.list+json";
const ENVELOPE_BYTES = 64 * 1024;
const LIST_BYTES = 16 * 1024;
const ROOT_ANSWER_BYTES = 1024 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const KINDS: readonly unknown[] = ["origin", "front", "bridge"] satisfies EndpointKind[];

const such =
  <T>(read: Read<T>, fits: (value: T) => boolean): Read<T> =>
  (value) => {
    const found = read(value);
    if (!fits(found)) throw error("malformed", "signed document");
    return found;
  };
const few = <T>(item: Read<T>, most: number, least = 1): Read<readonly T[]> =>
  such(list(item), ({ length }) => least <= length && length <= most);
const positive = (most?: number): Read<number> => such(uint(most), (number) => number > 0);
const base64: Read<Uint8Array> = (value) =>
  parseB64(
    such(text, (found) => BASE64.test(found))(value)
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=/g, ""),
  );

interface RoleKeys {
  readonly keys: readonly Uint8Array[];
  readonly threshold: number;
}
interface OriginKey {
  readonly kid: Uint8Array;
  readonly pk: Uint8Array;
  readonly not_after: number;
}
interface Origin {
  readonly hosts: readonly string[];
  readonly session_keys: readonly OriginKey[];
}
interface RootDocument {
  readonly version: number;
  /** Unix seconds. */
  readonly expires: number;
  readonly roles: { readonly root: RoleKeys; readonly list: RoleKeys };
  readonly origins: readonly Origin[];
}

/** A verified root; made by `stepRoot` and `followRoots` only. hash: SHA-256 of its body, what invites pin. */
export interface Root extends RootDocument {
  readonly hash: Uint8Array;
}

/** A verified list; made by `checkList` only. stale: it was past `expires` (Unix seconds) when checked. */
export interface EndpointList {
  readonly version: number;
  readonly expires: number;
  readonly stale: boolean;
  /** Of the kinds this client can use, without origins that the root does not name. */
  readonly endpoints: readonly Endpoint[];
  readonly hash: Uint8Array;
}

const ROLE = such(
  fields<RoleKeys>({ keys: few(B(32), 8), threshold: positive() }),
  ({ keys, threshold }) => new Set(keys.map(encodeB64)).size === keys.length && threshold <= keys.length,
);
const ORIGIN_KEY = such(fields<OriginKey>({ kid: B(4), pk: B(1216), not_after: uint() }), ({ kid, pk }) =>
  equal(sha256(pk).slice(0, 4), kid),
);
const ROOT = fields<RootDocument>({
  version: positive(),
  expires: uint(),
  roles: fields<RootDocument["roles"]>({ root: ROLE, list: ROLE }),
  origins: few(fields<Origin>({ hosts: few(such(text, isAuthority), 16), session_keys: few(ORIGIN_KEY, 8) }), 8),
});
const ENDPOINT = such(
  fields<Omit<Endpoint, "private">>({
    id: such(text, ({ length }) => 0 < length && length <= 64),
    kind: text as Read<EndpointKind>, // KINDS was asked before
    host: such(text, isHost),
    port: or(positive(65535), 443),
    dir: or(
      such(text, (dir) => !dir || isDir(dir)),
      "",
    ),
    token: or(orNull(B(32)), null),
    weight: or(positive(100), 10),
  }),
  ({ kind, dir, token }) => (token ? dir !== "" : kind !== "bridge"),
);
const KIND = fields({ kind: text });
const LIST = fields({
  version: positive(),
  expires: uint(),
  root_version: positive(),
  endpoints: few((value: unknown) => value, 24, 0),
});

function isAuthority(name: string): boolean {
  const [, host = "", port = "443"] = /^([^:]*)(?::([0-9]{1,5}))?$/.exec(name) ?? [];
  return isHost(host) && Number(port) > 0 && Number(port) < 65536;
}

/** Whether this endpoint's TLS ends at the origin, so that plain frames may go there. */
export function isOrigin(root: Root, { host, port }: Pick<Endpoint, "host" | "port">): boolean {
  const name = port === 443 ? host : `${host}:${port}`;
  return root.origins.some(({ hosts }) => hosts.includes(name));
}

/** The key to seal to: the first that is not past its time, else the first. */
export function sessionKeyOf(root: Root, nowS: number): SessionKey {
  const keys = root.origins.flatMap(({ session_keys }) => session_keys);
  const best = keys.find(({ not_after }) => nowS < not_after) ?? keys[0];
  if (!best) throw error("wrong-call", "root without keys");
  return { kid: best.kid, public: best.pk };
}

/**
 * The root of an envelope that may follow `stored`: the same one again, or the next version.
 *
 * stored null: the first root; pinned: SHA-256 its body must have, null to trust it on first use, or to load an
 * envelope from one's own storage. Expiry is not looked at: an expired root may lead to a good one.
 * Rejects with HomeError `wrong-signature`, `older-document`, or `not-this-server` for another hash than pinned.
 */
export async function stepRoot(
  stored: Root | null,
  envelope: Uint8Array,
  pinned: Uint8Array | null = null,
): Promise<Root> {
  const { body, signed, signatures } = openEnvelope(envelope, ROOT_TYPE);
  const hash = sha256(body);
  if (stored && equal(hash, stored.hash)) return stored;
  if (!stored && pinned && !equal(hash, pinned)) throw error("not-this-server", "root of another hash");
  if (stored) await checkSigned(stored.roles.root, signed, signatures);
  const root = orWrong(() => parseJson(body, ROOT));
  await checkSigned(root.roles.root, signed, signatures);
  if (stored && root.version !== stored.version + 1)
    throw error(root.version <= stored.version ? "older-document" : "wrong-signature", "root version");
  return { ...root, hash };
}

/**
 * The newest root of a server's answer, oldest first, whether or not it starts before `stored` or the pinned one.
 *
 * Rejects as `stepRoot`; `not-this-server` also where the pinned root, or any at all, is missing from a first answer;
 * `older-document` where the first start would end at an expired root.
 */
export async function followRoots(
  stored: Root | null,
  envelopes: readonly Uint8Array[],
  { pinned = null, nowS }: { readonly pinned?: Uint8Array | null; readonly nowS: number },
): Promise<Root> {
  const known = stored?.hash ?? pinned;
  const at = known ? envelopes.findIndex((item) => equal(sha256(openEnvelope(item, ROOT_TYPE).body), known)) : 0;
  if (!stored && (at < 0 || !envelopes.length)) throw error("not-this-server", "root of another hash");
  let root = stored;
  for (const envelope of envelopes.slice(Math.max(0, at))) root = await stepRoot(root, envelope, pinned);
  if (!root) throw error("not-this-server", "no root");
  if (!stored && nowS >= root.expires) throw error("older-document", "expired root");
  return root;
}

/** The envelopes of the answer to ROOT, unverified. Throws HomeError `wrong-signature`. */
export function parseRootAnswer(data: Uint8Array): readonly Uint8Array[] {
  return orWrong(() => {
    if (data.length > ROOT_ANSWER_BYTES) throw error("too-big", "root answer");
    return parseJson(data, list(B()));
  });
}

/**
 * The list of an envelope that may follow `stored`; follow the roots first.
 *
 * stored null: none is held, or its envelope is loaded from one's own storage.
 * Rejects with HomeError `wrong-signature`, or `older-document` for a lower version, another list of the same version,
 * and a root behind the one the list was made under.
 */
export async function checkList(
  root: Root,
  envelope: Uint8Array,
  stored: Pick<EndpointList, "version" | "hash"> | null,
  nowS: number,
): Promise<EndpointList> {
  const { body, signed, signatures } = openEnvelope(envelope, LIST_TYPE);
  await checkSigned(root.roles.list, signed, signatures);
  const hash = sha256(body);
  const { version, expires, root_version, endpoints } = orWrong(() => parseList(body));
  const older = stored && (version < stored.version || (version === stored.version && !equal(hash, stored.hash)));
  if (older || root_version > root.version) throw error("older-document", "list version");
  const kept = endpoints.filter((item) => item.kind !== "origin" || isOrigin(root, item));
  return { version, expires, stale: nowS >= expires, endpoints: kept, hash };
}

function parseList(body: Uint8Array): Omit<EndpointList, "stale" | "hash"> & { readonly root_version: number } {
  if (body.length > LIST_BYTES) throw error("too-big", "list");
  const { version, expires, root_version, endpoints } = parseJson(body, LIST);
  const known = endpoints.filter((item) => KINDS.includes(KIND(item).kind));
  const read = known.map((item) => ({ ...ENDPOINT(item), private: false }));
  if (new Set(read.map(({ id }) => id)).size !== read.length) throw error("malformed", "endpoint id twice");
  return { version, expires, root_version, endpoints: read };
}

interface Opened {
  readonly body: Uint8Array;
  /** What the signatures are over: DSSE's pre-authentication encoding. */
  readonly signed: Uint8Array;
  readonly signatures: readonly Uint8Array[];
}

const ENVELOPE = fields({
  payload: base64,
  payloadType: text,
  signatures: few(fields({ sig: base64 }), 8),
});

/** DSSE's pre-authentication encoding: what is signed. */
export function pae(type: string, body: Uint8Array): Uint8Array {
  const kind = ascii(type);
  return concat(ascii(`DSSEv1 ${kind.length} `), kind, ascii(` ${body.length} `), body);
}

/** An envelope of this very type, unverified. */
function openEnvelope(data: Uint8Array, type: string): Opened {
  return orWrong(() => {
    if (data.length > ENVELOPE_BYTES) throw error("too-big", "envelope");
    const { payload, payloadType, signatures } = parseJson(data, ENVELOPE);
    if (payloadType !== type) throw error("malformed", "envelope of another type");
    return { body: payload, signed: pae(type, payload), signatures: signatures.map(({ sig }) => sig) };
  });
}

/** A key counts once however often it signed. */
async function checkSigned(role: RoleKeys, signed: Uint8Array, signatures: readonly Uint8Array[]): Promise<void> {
  const found = role.keys.map(async (key) => {
    for (const sig of signatures) if (await verify(key, sig, signed)) return 1;
    return 0;
  });
  const signers = (await Promise.all<number>(found)).reduce((sum, one) => sum + one, 0);
  if (signers < role.threshold) throw error("wrong-signature", "too few signers");
}

function orWrong<T>(read: () => T): T {
  try {
    return read();
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    throw error("wrong-signature", "signed document");
  }
}
