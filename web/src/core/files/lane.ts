/**
 * Calls about attachments. They go over sessions without an account, two of them, of files alone: what the server sees of
 * a file shares no connection with anything that names us, and no upload one with a download (docs/protocol/files.md).
 */
import { type AddedAttachment, makeRange, parseAdded, parseOffset } from "../../protocol/attachments.ts";
import * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { TIMEOUT_MS } from "../shell/calls.ts";
import type { Caller } from "../transports/base.ts";

/** A pass was asked for just before: what was fetched on the same session would be joined with that. */
export const UP = "files up";
export const DOWN = "files down";

interface Asked {
  readonly method: string;
  /** Below /v1/attachments. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
}

/** One lane. */
export class Lane {
  readonly #caller: Caller;
  readonly #word: string;

  constructor(caller: Caller, word: string) {
    this.#caller = caller;
    this.#word = word;
  }

  /** Announce a ciphertext of padded size. passes: `passesFor` it. */
  async add(
    asked: { readonly size: number; readonly sha256: Uint8Array; readonly passes: readonly Uint8Array[] },
    signal: AbortSignal,
  ): Promise<AddedAttachment> {
    const body = control.encodeJson(asked);
    const headers = { "Content-Type": control.JSON_TYPE };
    return control.parseJson(await this.#ask({ method: "POST", path: "", headers, body, signal }), parseAdded);
  }

  /** Where an upload stands. */
  async offset({ id, secret }: AddedAttachment, signal: AbortSignal): Promise<number> {
    const headers = { Authorization: `Upload ${encodeB64(secret)}` };
    const path = `/${encodeB64(id)}/offset`;
    return control.parseJson(await this.#ask({ method: "GET", path, headers, signal }), parseOffset).offset;
  }

  /** Send a piece that begins where the upload stands; where it stands then. */
  async put(
    { id, secret }: AddedAttachment,
    { offset, piece }: { readonly offset: number; readonly piece: Uint8Array },
    signal: AbortSignal,
  ): Promise<number> {
    const headers = { Authorization: `Upload ${encodeB64(secret)}`, "Content-Type": control.OCTETS_TYPE };
    const path = `/${encodeB64(id)}?offset=${String(offset)}`;
    const answer = await this.#ask({ method: "PUT", path, headers, body: piece, signal });
    return control.parseJson(answer, parseOffset).offset;
  }

  /** So many bytes of an attachment from there on. Throws Malformed for another number of them. */
  async read(
    id: Uint8Array,
    { offset, length }: { readonly offset: number; readonly length: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const headers = { Range: makeRange(offset, length) };
    const piece = await this.#ask({ method: "GET", path: `/${encodeB64(id)}`, headers, signal });
    if (piece.length !== length) throw error("malformed", "a piece of another length");
    return piece;
  }

  async #ask({ method, path, headers = {}, body, signal }: Asked): Promise<Uint8Array> {
    const answer = await this.#caller.call({
      method,
      path: `${control.PREFIX}/attachments${path}`,
      headers,
      body,
      timeoutMs: TIMEOUT_MS,
      signal,
      apart: this.#word,
    });
    if (answer.status >= 400) throw control.parseProblem(answer.status, answer.body);
    return answer.body;
  }
}
