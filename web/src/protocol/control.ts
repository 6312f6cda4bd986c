/**
 * Control calls: the HTTP routes below /v1 that this client calls, what they are asked and what they answer.
 *
 * JSON with bytes as base64url text; unknown fields of an answer are ignored. Mirrors zajil.protocol.control.
 */
import { parseText } from "./bytes.ts";
import { error, errorFromWire, ZajilError } from "./errors.ts";
import { encodeB64, parseB64 } from "./ids.ts";

export const PREFIX = "/v1";
export const PROBLEM_TYPE = "application/problem+json";
export const JSON_TYPE = "application/json";
export const OCTETS_TYPE = "application/octet-stream";

/** What a request may hold. */
export type Json = string | number | boolean | null | Uint8Array | readonly Json[] | { readonly [name: string]: Json };

// -- reading answers
/** Reads one kind of value out of parsed JSON. Throws Malformed. */
export type Read<T> = (value: unknown) => T;

const wrong = (): ZajilError => error("malformed", "JSON of another shape");

/** Bytes, as base64url text. */
export const B =
  (size?: number): Read<Uint8Array> =>
  (value) => {
    if (typeof value !== "string") throw wrong();
    return parseB64(value, size);
  };
export const text: Read<string> = (value) => {
  if (typeof value !== "string") throw wrong();
  return value;
};
/** Wire numbers reach 2^63 - 1; those above 2^53 - 1 are none of ours. */
export const uint =
  (most = Number.MAX_SAFE_INTEGER): Read<number> =>
  (value) => {
    if (!Number.isSafeInteger(value) || Number(value) < 0 || Number(value) > most) throw wrong();
    return Number(value);
  };
const U16 = uint(2 ** 16 - 1);
export const U32 = uint(2 ** 32 - 1);
const flag: Read<boolean> = (value) => {
  if (typeof value !== "boolean") throw wrong();
  return value;
};
export const list =
  <T>(item: Read<T>): Read<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value) || value.length > 4096) throw wrong();
    return value.map(item);
  };
export const orNull =
  <T>(read: Read<T>): Read<T | null> =>
  (value) =>
    value === null ? null : read(value);
/** The value, or `fallback` where the field is absent. */
export const or =
  <T>(read: Read<T>, fallback: T): Read<T> =>
  (value) =>
    value === undefined ? fallback : read(value);
export const fields =
  <T>(reads: { readonly [K in keyof T]: Read<T[K]> }): Read<T> =>
  (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
    const object = value as Readonly<Record<string, unknown>>;
    const own = (name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined);
    return Object.fromEntries(Object.entries<Read<unknown>>(reads).map(([name, read]) => [name, read(own(name))])) as T;
  };
const numbers: Read<ReadonlyMap<string, number>> = (value) => {
  if (typeof value !== "object" || value === null) throw wrong();
  return new Map(Object.entries(value).map(([name, item]) => [name, uint()(item)]));
};

/** A session token, 32 bytes. expires: Unix seconds by the server's clock. */
export interface Session {
  readonly token: Uint8Array;
  readonly expires: number;
}
/** nonce: 32 bytes, to sign in a login object; valid for 60 s. */
export interface ChallengeAnswer {
  readonly nonce: Uint8Array;
}
/** Signed device lists, oldest first, from the `from` of the query on. */
export interface DeviceLists {
  readonly lists: readonly Uint8Array[];
}
/** Fresh delivery references to the caller's own mailbox, 54 bytes each. */
export interface Refs {
  readonly refs: readonly Uint8Array[];
}
/** passes: 32 bytes each, of kind group. codes: of kind invite, text that the gate of registration takes once. */
export interface Passes {
  readonly passes: readonly Uint8Array[];
  readonly codes: readonly string[];
}
/** One MLS KeyPackage to publish. expires: Unix seconds, not_after of its lifetime. */
export interface KeyPackage {
  readonly suite: number;
  readonly body: Uint8Array;
  readonly expires: number;
  readonly last_resort: boolean;
}
/** What the server holds for the calling device, per suite. */
export interface KeyPackageCounts {
  readonly counts: readonly { readonly suite: number; readonly left: number; readonly last_resort: boolean }[];
}
/** A device to add: its package and where its messages go. */
export interface ClaimedClient {
  readonly device_id: number;
  readonly suite: number;
  readonly key_package: Uint8Array;
  readonly deliver_to: Uint8Array;
  readonly last_resort: boolean;
}
/** list_seq: of the account's newest device list. A device without packages is missing from clients. */
export interface ClaimedKeyPackages {
  readonly list_seq: number;
  readonly clients: readonly ClaimedClient[];
  /** Signed device lists of the account, oldest first, for a stranger, who cannot ask for them; else none. */
  readonly lists?: readonly Uint8Array[];
}
/** One column of what the server stores. rows: of the caller's account; null where the server cannot tell. */
export interface OwnDataRow {
  readonly table: string;
  readonly column: string;
  readonly class: string;
  readonly purpose: string;
  readonly retention: string;
  readonly rows: number | null;
}
export interface OwnData {
  readonly rows: readonly OwnDataRow[];
}
/** One column of a stored row as it rests: a number, or bytes as base64url, null for NULL. withheld: not told. */
export interface StoredCell {
  readonly table: string;
  readonly name: string;
  readonly class: string;
  readonly purpose: string;
  readonly value: number | string | null;
  readonly withheld: boolean;
}
/** The row of a message, then the entries of the account's mailboxes that point to it. */
export interface StoredMessage {
  readonly cells: readonly StoredCell[];
}
/** Where a private bridge is. */
export interface BridgeAddress {
  readonly host: string;
  readonly port: number;
  readonly dir: string;
}
/** The bridges that the calling token opens now. root_hash (32) pins the server's root. */
export interface BridgeBundle {
  readonly root_hash: Uint8Array;
  readonly bridges: readonly BridgeAddress[];
}
/** A fresh token for somebody else, and what it opens. left: how many more may be had now. */
export interface IssuedBundle extends BridgeBundle {
  readonly id: Uint8Array;
  readonly token: Uint8Array;
  readonly left: number;
}
/** Signed documents as envelopes. roots: those after the `root` of the query, oldest first. */
export interface ReachDocs {
  readonly roots: readonly Uint8Array[];
  readonly list: Uint8Array;
}
/** A credential for TURN servers. urls: of RFC 7065; none where the server has no relay. */
export interface RelayAccess {
  readonly ttl_s: number;
  readonly username: string;
  readonly credential: string;
  readonly urls: readonly string[];
}
/** Opens a media room, for several connections until it is over. */
export interface MediaTicket {
  readonly ticket: Uint8Array;
  readonly ttl_s: number;
}
/**
 * registration: invite, work, both or open. altcha: a challenge, see gate/work.ts. public_space: it has channels.
 * limits: bytes and counts by name.
 */
export interface Config {
  readonly server_name: string;
  readonly registration: string;
  readonly min_client: number;
  readonly altcha: unknown;
  readonly suites: readonly number[];
  readonly public_space: boolean;
  readonly limits: ReadonlyMap<string, number>;
}
/** report_id (16) names the report in the notice of its outcome. verified: false for a complaint. */
export interface ReportTaken {
  readonly report_id: Uint8Array;
  readonly verified: boolean;
}
/** The answer `{}`. */
export type Empty = Readonly<Record<never, never>>;

const SESSION = fields<Session>({ token: B(32), expires: uint() });
export const EMPTY = fields<Empty>({});
const COUNTS = fields<KeyPackageCounts>({ counts: list(fields({ suite: U16, left: U32, last_resort: flag })) });
const CLAIMED = fields<ClaimedKeyPackages>({
  list_seq: U32,
  clients: list(fields({ device_id: U32, suite: U16, key_package: B(), deliver_to: B(), last_resort: flag })),
  lists: or(list(B()), []),
});
const OWN_ROW = { table: text, column: text, class: text, purpose: text, retention: text, rows: orNull(uint()) };
const ADDRESSES = list(fields<BridgeAddress>({ host: text, port: U16, dir: text }));
const CELL_VALUE: Read<number | string | null> = (value) => (typeof value === "string" ? value : orNull(uint())(value));
const CELL = { table: text, name: text, class: text, purpose: text, value: CELL_VALUE, withheld: or(flag, false) };

// -- routes
/** Who may call: nobody by name, a device by its session token, the holder of a contact token or a bridge token. */
export type Auth = "none" | "device" | "contact" | "token";

/** One call. path: below /v1, `{name}` a parameter. answer: null = bytes as they are. octets: so is the request. */
export interface Route<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly auth: readonly Auth[];
  readonly answer: Read<T> | null;
}

export const route = <T>(
  method: Route<T>["method"],
  path: string,
  auth: readonly Auth[],
  answer: Read<T> | null,
): Route<T> => ({ method, path, auth, answer });
const NONE: readonly Auth[] = ["none"];
export const D: readonly Auth[] = ["device"];
const D_OR_T: readonly Auth[] = ["device", "contact"];

export const CREATE_ACCOUNT = route("POST", "/accounts", NONE, SESSION);
export const CHALLENGE = route("POST", "/auth/challenge", NONE, fields<ChallengeAnswer>({ nonce: B(32) }));
export const TAKE_TOKEN = route("POST", "/auth/token", NONE, SESSION);
export const DROP_TOKEN = route("DELETE", "/auth/token", D, EMPTY);
export const OWN_DATA = route(
  "GET",
  "/accounts/me/data",
  D,
  fields<OwnData>({ rows: list(fields<OwnDataRow>(OWN_ROW)) }),
);
export const DEVICE_LISTS = route(
  "GET",
  "/accounts/{account}/devices",
  D_OR_T,
  fields<DeviceLists>({ lists: list(B()) }),
);
/** By a login of device 0 that the account key signed. */
export const LISTS_BY_KEY = route("POST", "/auth/lists", NONE, fields<DeviceLists>({ lists: list(B()) }));
export const PUT_DEVICE_LIST = route("PUT", "/accounts/me/devices", D, EMPTY);
export const PUT_CONTACT_TOKEN = route("PUT", "/contact-tokens/{hash}", D, EMPTY);
export const DROP_CONTACT_TOKEN = route("DELETE", "/contact-tokens/{hash}", D, EMPTY);
export const TAKE_REFS = route("POST", "/mailbox/refs", D, fields<Refs>({ refs: list(B()) }));
export const ALLOW_REF = route("PUT", "/mailbox/refs/{serial}", D, EMPTY);
export const DENY_REF = route("DELETE", "/mailbox/refs/{serial}", D, EMPTY);
export const MAILBOX_ROW = route(
  "GET",
  "/mailbox/rows/{id}",
  D,
  fields<StoredMessage>({ cells: list(fields<StoredCell>(CELL)) }),
);
export const TAKE_PASSES = route(
  "POST",
  "/passes",
  D,
  fields<Passes>({ passes: list(B(32)), codes: or(list(text), []) }),
);
export const PUT_KEY_PACKAGES = route("PUT", "/keypackages", D, COUNTS);
export const COUNT_KEY_PACKAGES = route("GET", "/keypackages/count", D, COUNTS);
export const CLAIM_KEY_PACKAGES = route("POST", "/keypackages/claim", D_OR_T, CLAIMED);
export const MAKE_REPORT = route("POST", "/reports", D, fields<ReportTaken>({ report_id: B(16), verified: flag }));
export const PUT_LINK_OFFER = route("PUT", "/link/{addr}/offer", NONE, EMPTY);
export const LINK_OFFER = route<Uint8Array>("GET", "/link/{addr}/offer", NONE, null);
export const PUT_LINK_ANSWER = route("PUT", "/link/{addr}/answer", NONE, EMPTY);
export const LINK_ANSWER = route<Uint8Array>("GET", "/link/{addr}/answer", NONE, null);
export const BRIDGE_BUNDLE = route(
  "GET",
  "/bridges/bundle",
  ["token"],
  fields<BridgeBundle>({ root_hash: B(32), bridges: ADDRESSES }),
);
export const ISSUE_BUNDLE = route(
  "POST",
  "/bridges/tokens",
  D,
  fields<IssuedBundle>({ root_hash: B(32), id: B(8), token: B(32), bridges: ADDRESSES, left: U32 }),
);
export const REACH_DOCS = route("GET", "/reach/docs", NONE, fields<ReachDocs>({ roots: list(B()), list: B() }));
export const CALL_RELAY = route(
  "POST",
  "/calls/relay",
  NONE,
  fields<RelayAccess>({ ttl_s: U32, username: text, credential: text, urls: list(text) }),
);
export const CALL_TICKET = route("POST", "/calls/tickets", NONE, fields<MediaTicket>({ ticket: B(), ttl_s: U32 }));
export const CONFIG = route(
  "GET",
  "/config",
  NONE,
  fields<Config>({
    server_name: text,
    registration: text,
    min_client: U16,
    altcha: (value) => value,
    suites: list(U16),
    public_space: or(flag, false),
    limits: numbers,
  }),
);

/** The path with /v1 and its parameters, each one text without slashes. Throws LocalProtocolError. */
export function urlOf(called: Route<unknown>, parameters: Readonly<Record<string, string>>): string {
  return (
    PREFIX +
    called.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = parameters[name];
      if (value === undefined || !/^[\w-]+$/.test(value)) throw error("wrong-call", "route parameter");
      return value;
    })
  );
}

// -- writing requests and reading bodies
/** A request as JSON text, bytes as base64url. Fields that are undefined are left out. */
export function encodeJson(value: Json): string {
  return JSON.stringify(blobsAsText(value));
}

function blobsAsText(value: Json): unknown {
  if (value instanceof Uint8Array) return encodeB64(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map(blobsAsText);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, blobsAsText(item as Json)]));
  }
  return value;
}

/** The answer in a body. Throws Malformed. */
export function parseJson<T>(data: Uint8Array, read: Read<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(parseText(data));
  } catch {
    throw error("malformed", "not JSON");
  }
  return read(value);
}

const DETAIL_ITEM: Read<number | string> = (value) => (typeof value === "string" ? value : uint()(value));
const PROBLEM = fields<{ code: string; retry_ms: number | null; detail: ReadonlyMap<string, number | string> }>({
  code: text,
  retry_ms: or(orNull(U32), null),
  detail: or((value) => {
    if (typeof value !== "object" || value === null) throw wrong();
    return new Map(Object.entries(value).map(([name, item]) => [name, DETAIL_ITEM(item)]));
  }, new Map()),
});

/** The error for a refused call; one of the status alone where the body is not a problem of ours. */
export function parseProblem(status: number, data: Uint8Array): ZajilError {
  try {
    const { code, retry_ms, detail } = parseJson(data, PROBLEM);
    if (code.length > 64) throw wrong();
    return errorFromWire(code, {
      status,
      detail: Object.fromEntries(detail),
      ...(retry_ms === null ? {} : { retryMs: retry_ms }),
    });
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return errorFromWire({ 429: "slow-down", 404: "gone" }[status] ?? "internal", { status });
  }
}
