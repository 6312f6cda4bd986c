/** The JSON lines between pytest and this peer: one request object a line, one answer a line; bytes are hex. */
import type { Extension, KeyPackage, MLSMessage, Welcome } from "ts-mls";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls";

export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [name: string]: Value };
export type Answer = { readonly [name: string]: Value };
export type ExtensionRow = readonly [type: number, data: string];

export const SUITES = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  83: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
} as const;
export type SuiteId = keyof typeof SUITES;

const NAMED_EXTENSIONS = {
  1: "application_id",
  3: "required_capabilities",
  4: "external_pub",
  5: "external_senders",
} as const;

export function parseHex(text: string): Uint8Array<ArrayBuffer> {
  const pairs = text.match(/[0-9a-f]{2}/g) ?? [];
  if (pairs.length * 2 !== text.length) throw new Error("not hex");
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

export function parseExtensions(rows: readonly ExtensionRow[]): Extension[] {
  return rows.map(([type, data]) => ({
    extensionType:
      NAMED_EXTENSIONS[type as keyof typeof NAMED_EXTENSIONS] ?? type,
    extensionData: parseHex(data),
  }));
}

export function encodeExtensions(
  extensions: readonly Extension[],
): ExtensionRow[] {
  const numbers = new Map<string, number>(
    Object.entries(NAMED_EXTENSIONS).map(([n, name]) => [name, Number(n)]),
  );
  numbers.set("ratchet_tree", 2);
  return extensions.map(({ extensionType, extensionData }) => {
    const type =
      typeof extensionType === "number"
        ? extensionType
        : (numbers.get(extensionType) ?? -1);
    return [type, encodeHex(extensionData)];
  });
}

export function parseMessage(hex: string): MLSMessage {
  const bytes = parseHex(hex);
  const parsed = decodeMlsMessage(bytes, 0);
  if (parsed === undefined || parsed[1] !== bytes.length)
    throw new Error("not an MLSMessage");
  return parsed[0];
}

export function parseKeyPackage(hex: string): KeyPackage {
  const message = parseMessage(hex);
  if (message.wireformat !== "mls_key_package")
    throw new Error("not a KeyPackage");
  return message.keyPackage;
}

export function parseWelcome(hex: string): Welcome {
  const message = parseMessage(hex);
  if (message.wireformat !== "mls_welcome") throw new Error("not a Welcome");
  return message.welcome;
}

export function encodeMessage(message: MLSMessage): string {
  return encodeHex(encodeMlsMessage(message));
}
