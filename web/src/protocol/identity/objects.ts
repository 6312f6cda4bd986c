/**
 * Signed objects: certificates, device lists, logins.
 *
 * Signed object = CBOR `[payload bstr, sig bstr, ?sig_old bstr]`, sig = Ed25519 over "zajil/" || kind || "/1" || 0x00 ||
 * payload. They travel and rest as the signed bytes and are never encoded again to verify. `sig_old` (by the account
 * key before) belongs to a device list that rotates the account key, and only there: a spare field would let a server
 * change the hash of a list and so fake a fork.
 *
 * WebCrypto is asynchronous, so signing and verifying are arguments and these functions wait for them.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, equal } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error, ZajilError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, type ClientId, clientId, type DeviceId } from "../ids.ts";
import { ACCOUNT_DEVICES, SERVER_NAME_BYTES } from "../limits.ts";

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** `prev` of the first list. */
export const NO_LIST = new Uint8Array(32);

/** What a signature is for; part of what is signed. */
export type Kind = "device-cert" | "device-list" | "login" | "backup";
/** Signs with one Ed25519 key; 64 bytes. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>;
/** Whether `sig` is the Ed25519 signature of `data` by this key. False, never an error, for any wrong input. */
export type Verify = (publicKey: Uint8Array, sig: Uint8Array, data: Uint8Array) => Promise<boolean>;
/** What a device may do: FULL holds the account key, LIMITED does not. */
export const Role = { FULL: 0, LIMITED: 1 } as const;

/** The parts of a signed object, nothing verified yet. */
export interface SignedObject {
  readonly payload: Uint8Array;
  readonly sig: Uint8Array;
  readonly sig_old: Uint8Array | null;
}

const signedBytes = (kind: Kind, payload: Uint8Array): Uint8Array => concat(ascii(`zajil/${kind}/1\0`), payload);

/** The signed object of a payload. oldSign: the account key before, for a list that rotates it. */
export async function signObject(kind: Kind, payload: Uint8Array, sign: Sign, oldSign?: Sign): Promise<Uint8Array> {
  const signed = signedBytes(kind, payload);
  const parts = [payload, await sign(signed)];
  if (oldSign) parts.push(await oldSign(signed));
  return cbor.encode(parts);
}

/** The parts, unverified. Throws Malformed `bad-signature` for anything but two or three byte strings. */
export function parseObject(data: Uint8Array): SignedObject {
  let value: cbor.Parsed;
  try {
    value = cbor.parse(data);
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    throw error("bad-signature", "not a signed object");
  }
  const [payload, sig, sigOld, ...rest] = Array.isArray(value) ? value : [];
  const old = sigOld === undefined ? null : sigOld;
  const shaped = payload instanceof Uint8Array && sig instanceof Uint8Array && rest.length === 0;
  if (!shaped || !(sigOld === undefined || old instanceof Uint8Array))
    throw error("bad-signature", "not a signed object");
  return { payload, sig, sig_old: old instanceof Uint8Array ? old : null };
}

/**
 * The payload of an object signed by this key, and with oldKey by that one too.
 *
 * Throws Malformed `bad-signature`, also for a missing or a spare second signature.
 */
export async function openObject(
  kind: Kind,
  data: Uint8Array,
  publicKey: Uint8Array,
  verify: Verify,
  oldKey?: Uint8Array,
): Promise<Uint8Array> {
  const signed = parseObject(data);
  if ((signed.sig_old === null) !== (oldKey === undefined)) throw error("bad-signature", "second signature");
  await checkSignature(verify, publicKey, signed.sig, signedBytes(kind, signed.payload));
  if (signed.sig_old && oldKey) await checkSignature(verify, oldKey, signed.sig_old, signedBytes(kind, signed.payload));
  return signed.payload;
}

/** Throws Malformed `bad-signature` unless `sig` is that key's signature of `data`. */
export async function checkSignature(
  verify: Verify,
  publicKey: Uint8Array,
  sig: Uint8Array,
  data: Uint8Array,
): Promise<void> {
  const sized = publicKey.length === KEY_BYTES && sig.length === SIGNATURE_BYTES;
  if (!sized || !(await verify(publicKey, sig, data))) throw error("bad-signature");
}

/** SHA-256 over the whole signed object: what the next list's `prev` holds. */
export const hashObject = (data: Uint8Array): Uint8Array => sha256(data);

/** The account id that the first account key (32 bytes) makes. */
export function accountIdOf(accountPub: Uint8Array): AccountId {
  if (accountPub.length !== KEY_BYTES) throw error("malformed", "account key of 32 bytes");
  return sha256(concat(ascii("zajil account v1"), accountPub)).slice(0, 16);
}

const numbered = (...values: readonly cbor.Value[]): Uint8Array =>
  cbor.encode(new Map(values.map((value, at) => [at + 1, value])));

/** What the account says of one device; the MLS credential's identity. issued: Unix seconds, for people only. */
export interface DeviceCertificate {
  readonly account_id: AccountId;
  readonly account_pub: Uint8Array;
  readonly device_id: DeviceId;
  readonly sig_pub: Uint8Array;
  readonly list_seq: number;
  readonly issued: number;
}

/** The MLS client a certificate names. */
export const clientOf = (certificate: DeviceCertificate): ClientId =>
  clientId(certificate.account_id, certificate.device_id);

/** The payload to sign. */
export function encodeCertificate(made: DeviceCertificate): Uint8Array {
  return numbered(made.account_id, made.account_pub, made.device_id, made.sig_pub, made.list_seq, made.issued);
}

/** The certificate of a verified payload. Throws Malformed. */
export function parseCertificate(payload: Uint8Array): DeviceCertificate {
  const fields = Fields.ofMap(cbor.parse(payload), [1, 2, 3, 4, 5, 6]);
  return {
    account_id: fields.blob(1, 16),
    account_pub: fields.blob(2, KEY_BYTES),
    device_id: fields.number(3, 32),
    sig_pub: fields.blob(4, KEY_BYTES),
    list_seq: fields.number(5, 32),
    issued: fields.number(6),
  };
}

/**
 * A certificate that the account key inside it signed.
 *
 * Whether that key is the account's is for the caller: `accountIdOf`, or the verified chain of lists.
 * Throws Malformed (`bad-signature` or `malformed`).
 */
export async function openCertificate(data: Uint8Array, verify: Verify): Promise<DeviceCertificate> {
  const claimed = parseCertificate(parseObject(data).payload);
  return parseCertificate(await openObject("device-cert", data, claimed.account_pub, verify));
}

/** What a device signs to get a token. nonce: the challenge, or at registration the hash of the device list. */
export interface Login {
  readonly server_name: string;
  readonly nonce: Uint8Array;
  readonly account_id: AccountId;
  readonly device_id: DeviceId;
}

/** The payload to sign. */
export function encodeLogin(login: Login): Uint8Array {
  return numbered(login.server_name, login.nonce, login.account_id, login.device_id);
}

/** The login of a payload. Throws Malformed. */
export function parseLogin(payload: Uint8Array): Login {
  const fields = Fields.ofMap(cbor.parse(payload), [1, 2, 3, 4]);
  return {
    server_name: fields.text(1, SERVER_NAME_BYTES),
    nonce: fields.blob(2, 32),
    account_id: fields.blob(3, 16),
    device_id: fields.number(4, 32),
  };
}

/** One device of a list. added: Unix seconds. role: of `Role`. */
export interface DeviceListEntry {
  readonly device_id: DeviceId;
  readonly sig_pub: Uint8Array;
  readonly added: number;
  readonly role: number;
}

/** All devices of an account at one time; an empty one ends the account. prev: hash of the list before. */
export interface DeviceList {
  readonly account_id: AccountId;
  readonly seq: number;
  readonly prev: Uint8Array;
  readonly account_pub: Uint8Array;
  readonly devices: readonly DeviceListEntry[];
  readonly issued: number;
}

/** The entry of a device, or undefined when it is not (or no more) one of the account's. */
export function findDevice(list: DeviceList, device: DeviceId): DeviceListEntry | undefined {
  return list.devices.find((entry) => entry.device_id === device);
}

/** The payload to sign. */
export function encodeList(list: DeviceList): Uint8Array {
  const devices = list.devices.map((one) => [one.device_id, one.sig_pub, one.added, one.role]);
  return numbered(list.account_id, list.seq, list.prev, list.account_pub, devices, list.issued);
}

/** The list of a payload, ids and keys each once, ascending ids, at most 8. Throws Malformed. */
export function parseList(payload: Uint8Array): DeviceList {
  const fields = Fields.ofMap(cbor.parse(payload), [1, 2, 3, 4, 5, 6]);
  const devices = fields.items(5, ACCOUNT_DEVICES).map(parseEntry);
  for (const [at, entry] of devices.entries()) {
    const before = devices.slice(0, at);
    if (before.some((other) => other.device_id >= entry.device_id || equal(other.sig_pub, entry.sig_pub))) {
      throw error("malformed", "device list with a device twice or out of order");
    }
  }
  const seq = fields.number(2, 32);
  if (seq === 0) throw error("malformed", "device list seq starts at 1");
  return {
    account_id: fields.blob(1, 16),
    seq,
    prev: fields.blob(3, 32),
    account_pub: fields.blob(4, KEY_BYTES),
    devices,
    issued: fields.number(6),
  };
}

function parseEntry(item: cbor.Parsed): DeviceListEntry {
  const fields = Fields.ofArray(item, 4);
  const role = fields.number(3);
  if (role > Role.LIMITED) throw error("malformed", "device role");
  return { device_id: fields.number(0, 32), sig_pub: fields.blob(1, KEY_BYTES), added: fields.number(2), role };
}
