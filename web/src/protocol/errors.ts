/**
 * Every error of Zajil, the tree of zajil.protocol.errors. Clients branch on the class (or `category`), never on text.
 *
 *     ZajilError
 *     |- Malformed      what was sent cannot be taken: a bug or an old version; keep the item
 *     |- AuthError      who asks is not proven: log in again, or the device is revoked
 *     |- Refused        proven or not, it is not allowed, or it is not there
 *     |- Conflict       true a moment ago: catch up and try again
 *     |- Limited        later: `retryMs` says when
 *     |- Unavailable    the server cannot now: same request again, with back-off
 *     |  `- Unreachable no server answered at all
 *     |- HomeError      this browser's own state forbids it
 *     `- ProtocolError
 *        |- LocalProtocolError   we called wrongly: a bug on this side
 *        `- RemoteProtocolError  the peer broke the protocol
 *
 * Words for people live in the user interface. The table is that of docs/protocol/errors.md; a test compares them.
 */

/** What travels beside a code: names to numbers (at most 2^53 - 1) or texts. */
export type Detail = Readonly<Record<string, number | string>>;
/** How a client reacts; the unions of core/api.ts hold the same words. */
export type Category = "usage" | "refused" | "conflict" | "limited" | "unavailable" | "local" | "bug";

export interface ErrorParts {
  /** For developers; holds no id, token, name or text of people. */
  readonly why?: string;
  /** HTTP status, 0 where the code never travels. */
  readonly status: number;
  readonly retryMs?: number | undefined;
  readonly detail?: Detail | undefined;
}

/** Anything Zajil throws on purpose. Made by `error` or `errorFromWire`, so that code and class always agree. */
export class ZajilError extends Error {
  readonly category: Category = "bug";
  readonly code: string;
  readonly status: number;
  /** Milliseconds to wait, where the server said so. */
  readonly retryMs: number | undefined;
  readonly detail: Detail;

  constructor(code: string, parts: ErrorParts) {
    super(parts.why ? `${code}: ${parts.why}` : code);
    this.name = "ZajilError";
    this.code = code;
    this.status = parts.status;
    this.retryMs = parts.retryMs;
    this.detail = parts.detail ?? {};
  }
}

/** What was sent cannot be taken. */
export class Malformed extends ZajilError {
  override readonly category: Category = "usage";
}
/** Who asks is not proven. */
export class AuthError extends ZajilError {
  override readonly category: Category = "refused";
}
/** Not allowed, or not there. */
export class Refused extends ZajilError {
  override readonly category: Category = "refused";
}
/** The state moved on; catch up and try again. */
export class Conflict extends ZajilError {
  override readonly category: Category = "conflict";
}
/** Too much; `retryMs` says when again. */
export class Limited extends ZajilError {
  override readonly category: Category = "limited";
}
/** The server cannot now; the same request again later. */
export class Unavailable extends ZajilError {
  override readonly category: Category = "unavailable";
}
/** No server answered. */
export class Unreachable extends Unavailable {}
/** The state on this machine forbids it. */
export class HomeError extends ZajilError {
  override readonly category: Category = "local";
}
/** Somebody broke the protocol. */
export class ProtocolError extends ZajilError {}
/** This side called wrongly: a bug here. */
export class LocalProtocolError extends ProtocolError {}
/** The peer broke the protocol. */
export class RemoteProtocolError extends ProtocolError {}

type ErrorClass = new (code: string, parts: ErrorParts) => ZajilError;
interface Row {
  readonly cls: ErrorClass;
  readonly status: number;
}

const rows = (cls: ErrorClass, codes: Readonly<Record<string, number>>): [string, Row][] =>
  Object.entries(codes).map(([code, status]) => [code, { cls, status }]);

/** Class and HTTP status of every code that zajil.protocol.errors knows; status 0: the code never travels. */
export const CODES: ReadonlyMap<string, Row> = new Map([
  ...rows(Malformed, {
    malformed: 400,
    "too-big": 413,
    "bad-signature": 422,
    "mixed-auth": 400,
    "bad-handle": 422,
    "idem-conflict": 422,
    "report-unverified": 422,
    "short-passphrase": 422,
    "hash-mismatch": 422,
    "unsupported-version": 400,
  }),
  ...rows(AuthError, { "token-expired": 401, "wrong-space": 401, "device-revoked": 401, "bad-challenge": 401 }),
  ...rows(Refused, {
    "not-allowed": 403,
    "gate-required": 403,
    "work-required": 403,
    suspended: 403,
    "bad-group-token": 403,
    "bad-roster-key": 403,
  }),
  ...rows(Refused, { "bad-delivery-ref": 403, "pass-spent": 403, "no-passes-left": 403, "persona-suspended": 403 }),
  ...rows(Refused, { muted: 403, "channel-closed": 403 }),
  ...rows(Refused, { "appeal-closed": 403, "own-decision": 403, "step-up-needed": 403, "invite-spent": 403 }),
  ...rows(Refused, { "reports-closed": 403, "private-locked": 403, "wrong-passphrase": 403 }),
  ...rows(Refused, { "too-young": 403, "push-refused": 403, gone: 404, "no-such-route": 404 }),
  ...rows(Conflict, {
    "stale-epoch": 409,
    "stale-list": 409,
    "account-exists": 409,
    "group-exists": 409,
    "bridge-exists": 409,
    "persona-exists": 409,
    "handle-taken": 409,
    "handle-confusable": 409,
    "version-conflict": 409,
    "owns-channels": 409,
  }),
  ...rows(Conflict, { "item-claimed": 409, "item-closed": 409, "preview-changed": 409, "undo-late": 409 }),
  ...rows(Conflict, { "wrong-offset": 409, replaced: 409 }),
  ...rows(Limited, { "slow-down": 429, quota: 429, "links-full": 429 }),
  ...rows(Unavailable, { busy: 503, "storage-full": 503, restarting: 503, internal: 500 }),
  ...rows(RemoteProtocolError, { protocol: 400 }),
  ...rows(LocalProtocolError, { "wrong-call": 0 }),
  ...rows(Unreachable, { unreachable: 0 }),
  ...rows(HomeError, { "state-rolled-back": 0, "no-home": 0, "home-exists": 0 }),
  ...rows(HomeError, { "work-unfinished": 0, "home-busy": 0, "home-damaged": 0 }),
  ...rows(HomeError, {
    "ambiguous-name": 0,
    "unknown-chat": 0,
    "unknown-contact": 0,
    "contact-blocked": 0,
    "contact-gone": 0,
    "not-a-member": 0,
    "not-permitted": 0,
  }),
  ...rows(HomeError, {
    "chat-stuck": 0,
    "not-introduced": 0,
    "group-full": 0,
    "suite-downgrade": 0,
    "too-many-pins": 0,
  }),
  ...rows(HomeError, { "already-in": 0, "too-many-links": 0, "text-too-long": 0 }),
  ...rows(HomeError, { "file-too-big": 0, "too-many-files": 0, "no-attachment": 0 }),
  ...rows(HomeError, { "no-tool": 0, "not-reportable": 0 }),
  ...rows(HomeError, { "bad-link": 0 }),
  ...rows(HomeError, { "bad-bundle": 0, "foreign-bundle": 0, "bundle-too-big": 0, "nothing-waits": 0 }),
  ...rows(HomeError, { "link-expired": 0, "link-mismatch": 0 }),
  ...rows(HomeError, { "wrong-signature": 0, "older-document": 0, "not-this-server": 0 }),
  ...rows(HomeError, { "list-fork": 0, "key-changed": 0 }),
  ...rows(Conflict, { "stale-backup": 412 }),
  ...rows(HomeError, { "no-recovery-key": 0, "bad-recovery-key": 0, "no-backup": 0, "bad-backup": 0 }),
]);

/** Codes of a browser alone: another tab leads or has led, rows of a newer version, the disk is full, an update is asked for, app lock. */
export const BROWSER_CODES: ReadonlyMap<string, Row> = new Map(
  rows(HomeError, {
    "lost-lead": 0,
    "not-leading": 0,
    "newer-schema": 0,
    "storage-full": 0,
    "update-required": 0,
    "no-browser-support": 0,
    "app-locked": 0,
    stopped: 0,
  }),
);

/** The error of a code of the tables, ready to be thrown. An unknown code is a bug: the LocalProtocolError says so. */
export function error(code: string, why = "", more: { retryMs?: number; detail?: Detail } = {}): ZajilError {
  const row = CODES.get(code) ?? BROWSER_CODES.get(code);
  if (!row) return new LocalProtocolError("wrong-call", { why: "error code missing in the table", status: 0 });
  return new row.cls(code, { why, status: row.status, ...more });
}

const BY_STATUS: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [400, Malformed],
  [401, AuthError],
  [404, Refused],
  [409, Conflict],
  [412, Conflict],
  [413, Malformed],
  [422, Malformed],
  [429, Limited],
  [500, Unavailable],
  [503, Unavailable],
]);

/**
 * The error for what a server answered (ERR, BYE, CLOSE or a problem document).
 *
 * A code this version does not know, or one that never travels, gets the class of its status; without one, Refused.
 */
export function errorFromWire(
  code: string,
  more: { status?: number; retryMs?: number; detail?: Detail } = {},
): ZajilError {
  const { status, ...rest } = more;
  const row = CODES.get(code);
  if (row?.status) return new row.cls(code, { status: row.status, ...rest });
  const cls = BY_STATUS.get(status ?? 403) ?? (status !== undefined && status >= 500 ? Unavailable : Refused);
  return new cls(code, { why: "unknown code", status: status ?? 403, ...rest });
}
