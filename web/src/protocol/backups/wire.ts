/** The calls of /backup/{locator}. Nothing in them names an account. Mirrors zajil.protocol.backups.wire. */
import { B, type Empty, fields, type Route, uint } from "../control.ts";

/** Of PUT, and the answer of GET. sig: 64 bytes. version: above the one stored. */
export interface StoredBackup {
  readonly auth_pub: Uint8Array;
  readonly version: number;
  readonly blob: Uint8Array;
  readonly sig: Uint8Array;
}

const PATH = "/backup/{locator}";
const NONE = ["none"] as const;
const EMPTY = fields<Empty>({});

export const PUT_BACKUP: Route<Empty> = { method: "PUT", path: PATH, auth: NONE, answer: EMPTY };
export const BACKUP: Route<StoredBackup> = {
  method: "GET",
  path: PATH,
  auth: NONE,
  answer: fields<StoredBackup>({ auth_pub: B(32), version: uint(), blob: B(), sig: B(64) }),
};
/** `{auth_pub, version, sig}`. */
export const DELETE_BACKUP: Route<Empty> = { method: "DELETE", path: PATH, auth: NONE, answer: EMPTY };
