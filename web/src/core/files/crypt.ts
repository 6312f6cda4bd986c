/**
 * A file and its ciphertext, both in memory: WebCrypto seals and hashes in one call each, so about twice the size of the
 * file is held meanwhile. Twin of zajil.client.files.crypt.
 *
 * Ciphertext = AES-256-GCM(key, nonce, file || zeros up to the padded size) || tag, under a key of its own. It is opened
 * only after its SHA-256 was found right.
 */
import { FILE_BYTES, paddedBytes, TAG_BYTES } from "../../protocol/attachments.ts";
import { equal } from "../../protocol/bytes.ts";
import { type File, KEY_BYTES, NONCE_BYTES } from "../../protocol/chat/files.ts";
import { error } from "../../protocol/errors.ts";
import { randomBytes } from "../crypto.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The ciphertext of a file, and what opens it. size: of the file. sha256: of the ciphertext. */
export interface Sealed extends Pick<File, "size" | "key" | "nonce" | "sha256"> {
  readonly ciphertext: Uint8Array;
}

/** The ciphertext of a file. Throws HomeError `file-too-big`, Refused `gone` for one that cannot be read any more. */
export async function sealFile(file: Blob): Promise<Sealed> {
  const { size } = file;
  if (size > FILE_BYTES) throw error("file-too-big");
  const plain = new Uint8Array(paddedBytes(size) - TAG_BYTES);
  if ((await readInto(plain, file)) !== size) throw error("gone", "file");
  const [key, nonce] = [randomBytes(KEY_BYTES) as Bytes, randomBytes(NONCE_BYTES) as Bytes];
  const sealer = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, sealer, plain));
  return { size, key, nonce, sha256: await hashOf(ciphertext), ciphertext };
}

/** How many bytes a file has, the first of which are in `target` now. */
async function readInto(target: Uint8Array, file: Blob): Promise<number> {
  let at = 0;
  try {
    const reader = file.stream().getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      if (at + piece.value.length <= target.length) target.set(piece.value, at);
      at += piece.value.length;
    }
  } catch {
    // It was moved, changed or taken away since it was chosen.
    throw error("gone", "file");
  }
  return at;
}

/** SHA-256. */
export async function hashOf(data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data as Bytes));
}

/**
 * What a ciphertext holds. Throws Malformed `hash-mismatch` for one that is not the announced one, before anything is
 * opened, and for one that does not open.
 */
export async function openFile(ciphertext: Uint8Array, file: File): Promise<Blob> {
  const announced = ciphertext.length === paddedBytes(file.size) && equal(await hashOf(ciphertext), file.sha256);
  if (!announced) throw error("hash-mismatch");
  const key = await crypto.subtle.importKey("raw", file.key as Bytes, "AES-GCM", false, ["decrypt"]);
  let plain: ArrayBuffer;
  try {
    plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: file.nonce as Bytes }, key, ciphertext as Bytes);
  } catch {
    throw error("hash-mismatch", "tag");
  }
  // Without a type: what it is, whoever shows it finds out by its bytes.
  return new Blob([new Uint8Array(plain, 0, file.size)]);
}
