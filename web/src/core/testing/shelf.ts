/**
 * A model of the server's attachments for tests: passes, announcements, pieces, ranges. It follows docs/protocol/files.md
 * as far as clients can tell, and misbehaves where a test says so. The real one is met in files/server.test.ts.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { PASS_BYTES } from "../../protocol/attachments.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import { randomBytes } from "../crypto.ts";
import { type Answer, type Call, type Caller, DialError } from "../transports/base.ts";

interface Held {
  readonly id: string;
  readonly secret: string;
  readonly sha256: string;
  readonly size: number;
  data: Uint8Array;
}

const TEXT = new TextEncoder();
const json = (status: number, value: object): Answer => ({ status, body: TEXT.encode(JSON.stringify(value)) });
const refuse = (status: number, code: string, more: object = {}): Answer => json(status, { code, ...more });

/** The shelf, as the account's side and the lanes of files see it. */
export class Shelf implements Caller {
  readonly held = new Map<string, Held>();
  readonly passes = new Set<string>();
  /** Every call: its method and the end of its path, its lane, and what it says of itself. */
  readonly calls: { readonly name: string; readonly apart: string; readonly headers: Call["headers"]; body: number }[] =
    [];
  /** Asked before each call that is none for a pass: another answer, or none at all. */
  before: (name: string, call: Call) => Answer | "cut" | "cut-after" | undefined = () => undefined;

  async call(call: Call): Promise<Answer> {
    const name = nameOf(call);
    const body = call.body?.length ?? 0;
    this.calls.push({ name, apart: call.apart ?? "", headers: call.headers, body });
    const instead = this.before(name, call);
    if (typeof instead === "object") return instead;
    if (instead === "cut") throw new DialError("http", "closed");
    const answer = this.#answer(name, call);
    if (instead === "cut-after") throw new DialError("http", "closed");
    return Promise.resolve(answer);
  }

  /** What is whole. */
  get whole(): Held[] {
    return [...this.held.values()].filter(({ data, size }) => data.length === size);
  }

  #answer(name: string, call: Call): Answer {
    if (name === "passes") return this.#givePasses(call);
    if (name === "add") return this.#add(call);
    const id = /attachments\/([\w-]+)/.exec(call.path)?.[1] ?? "";
    const held = this.held.get(id);
    if (name === "get") return this.#read(held, call);
    if (held === undefined || call.headers["Authorization"] !== `Upload ${held.secret}`) return refuse(404, "gone");
    if (name === "offset") return json(200, { offset: held.data.length });
    return this.#put(held, call);
  }

  #givePasses(call: Call): Answer {
    const { kind, n } = JSON.parse(String(call.body)) as { kind: string; n: number };
    if (kind !== "upload") return refuse(400, "malformed");
    const passes = Array.from({ length: n }, () => encodeB64(randomBytes(32)));
    for (const pass of passes) this.passes.add(pass);
    return json(200, { passes, codes: [] });
  }

  #add(call: Call): Answer {
    const asked = JSON.parse(String(call.body)) as { size: number; sha256: string; passes: string[] };
    const { size, passes } = asked;
    if (passes.length !== Math.ceil(size / PASS_BYTES)) return refuse(400, "malformed");
    if (!passes.every((pass) => this.passes.has(pass))) return refuse(403, "pass-spent");
    for (const pass of passes) this.passes.delete(pass);
    const [id, secret] = [encodeB64(randomBytes(16)), encodeB64(randomBytes(32))];
    this.held.set(id, { id, secret, size, sha256: asked.sha256, data: new Uint8Array() });
    return json(200, { id, secret });
  }

  #put(held: Held, call: Call): Answer {
    const offset = Number(/offset=(\d+)/.exec(call.path)?.[1]);
    if (offset !== held.data.length) return refuse(409, "wrong-offset", { detail: { offset: held.data.length } });
    if (!(call.body instanceof Uint8Array) || call.body.length > 262_144) return refuse(413, "too-big");
    const data = new Uint8Array(offset + call.body.length);
    data.set(held.data);
    data.set(call.body, offset);
    held.data = data;
    if (data.length === held.size && encodeB64(sha256(data)) !== held.sha256) {
      this.held.delete(held.id);
      return refuse(422, "hash-mismatch");
    }
    return json(200, { offset: data.length });
  }

  #read(held: Held | undefined, call: Call): Answer {
    const range = /bytes=(\d+)-(\d+)/.exec(call.headers["Range"] ?? "");
    if (held === undefined || held.data.length < held.size || !range) return refuse(404, "gone");
    return { status: 206, body: held.data.slice(Number(range[1]), Number(range[2]) + 1) };
  }
}

function nameOf({ method, path }: Call): string {
  if (path.endsWith("/passes")) return "passes";
  if (path.endsWith("/attachments")) return "add";
  if (path.endsWith("/offset")) return "offset";
  return method === "PUT" ? "put" : "get";
}

/** The id of an attachment, as messages name it. */
export const idOf = (text: string): Uint8Array => parseB64(text, 16);
