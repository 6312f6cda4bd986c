/** Sealed rows: AES-256-GCM under the data key, ids as HMACs under the index key (web.md 4). */
import { encode } from "cborg";
import { error } from "../../protocol/errors.ts";
import { nameOf } from "./cache.ts";

/** Both keys are not extractable; nothing outside this class touches them. */
export interface StoreKeys {
  /** AES-GCM, 256 bits. */
  readonly data: CryptoKey;
  /** HMAC-SHA-256, 256 bits. */
  readonly index: CryptoKey;
}

/** The fields of a row that stay readable, in a fixed order: they are authenticated, so no row can be moved or re-dated. */
export type ClearFields = readonly (string | number | Uint8Array)[];

export interface Sealed {
  /** 12 random bytes. */
  readonly iv: Uint8Array;
  readonly ct: Uint8Array;
}

const ID_BYTES = 16;
const KNOWN_MAX = 2_000;

export class Sealer {
  /** Row keys asked for lately: steps ask for the same few, and each would be a job of WebCrypto. */
  private readonly known = new Map<string, Uint8Array>();

  constructor(private readonly keys: StoreKeys) {}

  /** The 16-byte row key of an id: HMAC-SHA-256(index key, table || 0 || id), cut. Not to be written into. */
  async hashId(space: string, name: Uint8Array): Promise<Uint8Array> {
    const asked = `${space}\0${nameOf(name)}`;
    const known = this.known.get(asked);
    if (known !== undefined) return known;
    const key = await this.deriveId(space, name);
    if (this.known.size >= KNOWN_MAX) this.known.clear();
    this.known.set(asked, key);
    return key;
  }

  private async deriveId(space: string, name: Uint8Array): Promise<Uint8Array> {
    const prefix = new TextEncoder().encode(`${space}\0`);
    const input = new Uint8Array(prefix.length + name.length);
    input.set(prefix);
    input.set(name, prefix.length);
    return new Uint8Array(await crypto.subtle.sign("HMAC", this.keys.index, input)).slice(0, ID_BYTES);
  }

  async seal(clear: ClearFields, value: Uint8Array): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const ct = await crypto.subtle.encrypt(aead(iv, clear), this.keys.data, owned(value));
    return { iv, ct: new Uint8Array(ct) };
  }

  /** The inverse of `seal`. Throws `home-damaged` when a value or a clear field was changed, or a row moved. */
  async open(clear: ClearFields, { iv, ct }: Sealed): Promise<Uint8Array> {
    try {
      return new Uint8Array(await crypto.subtle.decrypt(aead(iv, clear), this.keys.data, owned(ct)));
    } catch {
      throw error("home-damaged", "", { detail: { table: String(clear[0]) } });
    }
  }
}

function aead(iv: Uint8Array, clear: ClearFields): AesGcmParams {
  return { name: "AES-GCM", iv: owned(iv), additionalData: owned(encode(clear)) };
}

/** WebCrypto's types want bytes that are not shared between threads; ours never are. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
