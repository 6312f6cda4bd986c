/**
 * Files of a message: where the ciphertext lies, and what opens it. Mirrors zajil.protocol.chat.files; docs/protocol/files.md
 * has the table of fields. Loaded with the first message that has files.
 *
 * Source: draft-ietf-mimi-content-08, 4.4 (ExternalPart); service.md 7.
 */
import { encodeText, parseText, textSize } from "../bytes.ts";
import { FILE_BYTES } from "../attachments.ts";
import { error, ZajilError } from "../errors.ts";
import { encodeB64, type MessageId, parseB64 } from "../ids.ts";
import * as content from "./content.ts";
import type { ExternalPart, MimiContent, Part, SinglePart } from "./content.ts";
import { encodeLooks, type Look, LOOKS, parseLooks } from "./looks.ts";

export const SCHEME = "zajil:a/";
export const AES_256_GCM = 2;
export const SHA_256 = 1;
export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const FILES_MAX = 10;
export const NAME_BYTES = 255;
export const TYPE_BYTES = 127;
/** Longest text beside files: the body has to fit into one padded message. */
export const CAPTION_BYTES = 32 * 1024;
const DISPOSITIONS: readonly number[] = [content.RENDER, content.INLINE, content.ATTACHMENT];

/**
 * One file. attachment_id: 16 bytes; size: bytes of the file; sha256: of the ciphertext. name, content_type: as its
 * sender wrote; the name is no path, and may hold anything else.
 */
export interface File {
  readonly attachment_id: Uint8Array;
  readonly name: string;
  readonly content_type: string;
  readonly size: number;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sha256: Uint8Array;
}

/** One to ten files, with a text or none. Such a message is not edited. reply_to: the message it answers. */
export interface Files {
  readonly files: readonly File[];
  readonly looks: readonly (Look | null)[];
  readonly text: string;
  readonly reply_to: MessageId | null;
}

/** The part that names this file. */
export function encodeFile(file: File): ExternalPart {
  return {
    type: "ExternalPart",
    disposition: content.ATTACHMENT,
    language: "",
    content_type: file.content_type,
    url: SCHEME + encodeB64(file.attachment_id),
    expires: 0,
    size: file.size,
    enc_alg: AES_256_GCM,
    key: file.key,
    nonce: file.nonce,
    aad: new Uint8Array(),
    hash_alg: SHA_256,
    content_hash: file.sha256,
    description: "",
    filename: file.name,
  };
}

/** The file of a part, null for one that lies elsewhere or is sealed in another way. */
export function parseFile(part: Part): File | null {
  if (part.type !== "ExternalPart" || !part.url.startsWith(SCHEME)) return null;
  const { content_type, size, key, nonce, content_hash: sha256, filename: name } = part;
  const ours =
    DISPOSITIONS.includes(part.disposition) &&
    part.enc_alg === AES_256_GCM &&
    part.hash_alg === SHA_256 &&
    key.length === KEY_BYTES &&
    nonce.length === NONCE_BYTES &&
    part.aad.length === 0 &&
    sha256.length === 32 &&
    size <= FILE_BYTES &&
    textSize(name) <= NAME_BYTES &&
    textSize(content_type) <= TYPE_BYTES;
  if (!ours) return null;
  try {
    return { attachment_id: parseB64(part.url.slice(SCHEME.length), 16), name, content_type, size, key, nonce, sha256 };
  } catch (problem) {
    if (problem instanceof ZajilError) return null;
    throw problem;
  }
}

/**
 * The content of a message with files.
 *
 * Throws HomeError `too-many-files` unless there are 1 to 10, `text-too-long` over CAPTION_BYTES, Malformed for text that
 * is no UTF-8.
 */
export function encodeFiles(form: Files, blank: Pick<MimiContent, "salt" | "extensions">): MimiContent {
  const { files, looks, text, reply_to: in_reply_to } = form;
  if (files.length < 1 || files.length > FILES_MAX) throw error("too-many-files");
  const data = encodeText(text);
  if (data.length > CAPTION_BYTES) throw error("text-too-long");
  const shown = { disposition: content.RENDER, language: "" };
  const caption: SinglePart = { type: "SinglePart", ...shown, content_type: content.MARKDOWN, content: data };
  const [first, ...others] = [...(text === "" ? [] : [caption]), ...files.map(encodeFile)];
  if (first === undefined) throw error("too-many-files");
  const parts = [first, ...others];
  const body: Part =
    others.length === 0 ? first : { type: "MultiPart", ...shown, semantics: content.PROCESS_ALL, parts };
  const look = encodeLooks(looks);
  const extensions = new Map([...blank.extensions].filter(([key]) => key !== LOOKS));
  if (look !== undefined) extensions.set(LOOKS, look);
  return { ...content.CONTENT_DEFAULTS, salt: blank.salt, extensions, body, in_reply_to };
}

/** What a content with files says, null for one of another kind. Throws Malformed for text that is no UTF-8. */
export function parseFiles(made: MimiContent): Files | null {
  const found = made.replaces === null ? parseBody(made.body) : null;
  return found && { ...found, looks: parseLooks(made.extensions, found.files.length), reply_to: made.in_reply_to };
}

function parseBody(body: Part): Pick<Files, "files" | "text"> | null {
  if (body.type === "ExternalPart") {
    const file = parseFile(body);
    return file && { files: [file], text: "" };
  }
  if (body.type !== "MultiPart" || body.semantics !== content.PROCESS_ALL || body.disposition !== content.RENDER)
    return null;
  let { parts } = body;
  let text = "";
  const [first] = parts;
  if (first?.type === "SinglePart") {
    if (first.content_type !== content.MARKDOWN || first.disposition !== content.RENDER) return null;
    text = parseText(first.content);
    parts = parts.slice(1);
  }
  const files = parts.map(parseFile).filter((file) => file !== null);
  return files.length === parts.length && files.length >= 1 && files.length <= FILES_MAX ? { files, text } : null;
}

/** A file as people are shown it. number: from 0. */
export interface Described {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly look: Look | null;
}

/** Files as people are shown them. */
export function describe(files: readonly Omit<File, "attachment_id">[], looks: readonly (Look | null)[]): Described[] {
  return files.map(({ name, content_type: type, size }, number) => {
    const look = looks[number] ?? null;
    // A voice note is one only where it can be heard.
    const fits = look?.kind !== "voice" || type.startsWith("audio/");
    return { number, name, type, size, look: fits ? look : null };
  });
}

/** The bytes of a content as people are shown them, undefined where it has no files. Throws Malformed. */
export function readKept(kept: Uint8Array) {
  const found = parseFiles(content.parseContent(kept));
  return found ? { text: found.text, reply_to: found.reply_to, files: describe(found.files, found.looks) } : undefined;
}
