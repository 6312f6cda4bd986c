/**
 * The public space as this account uses it: its personas, and calls to /pub/v1 under one of them or under none.
 *
 * Seeds and tokens stay here; what a call answers is public and is read by the tab that asked. Each persona's calls go
 * over a session of their own, and so do those of nobody: none joins two personas, or one to what the device receives
 * and sends (design/moderation.md 2, rule 3). The private side gives one thing: a one-time pass.
 */
import type { Calls, OwnPersona } from "../api.ts";
import { parseText } from "../../protocol/bytes.ts";
import {
  B,
  encodeJson,
  fields,
  type Json,
  JSON_TYPE,
  parseJson,
  parseProblem,
  type Read,
  text,
  uint,
} from "../../protocol/control.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import type { Sign } from "../../protocol/identity/objects.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import { deriveSeed, loginBytes, nonceOfPass, personaIdOf, PERSONAS } from "../../protocol/public/persona.ts";
import { publicKeyOf, randomBytes, signerOf } from "../crypto.ts";
import { changePersonas, loadPersonas, type PersonasRow } from "../state/personas.ts";
import type { Store } from "../store/types.ts";
import type { Caller } from "../transports/base.ts";

const TIMEOUT_MS = 30_000;
/** A token is not used any more so long before its end. */
const MARGIN_S = 60;

export interface PublicParts {
  readonly store: Store;
  /** Makes calls over sessions; those with the same word share one. */
  readonly caller: Caller;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The name of the server that this account is on. */
  readonly serverName: () => Promise<string>;
  /** A pass of the private side; the same once: the same pass. */
  readonly takePass: (once: Uint8Array) => Promise<Uint8Array>;
}

type Request = Parameters<Calls["public_call"]>[0];
interface Hand {
  readonly key: Uint8Array;
  readonly id: Uint8Array;
  readonly sign: Sign;
}
interface Token {
  readonly bearer: string;
  readonly expires: number;
}

interface Found {
  readonly persona_id: Uint8Array;
  readonly handle: string;
  readonly display_name: string;
}

const PERSONA = fields<Found>({ persona_id: B(16), handle: text, display_name: text });
const NONCE = fields<{ nonce: Uint8Array }>({ nonce: B(32) });
const SESSION = fields<{ token: Uint8Array; expires: number }>({ token: B(32), expires: uint() });

/** Personas and calls of one account. */
export class PublicSide {
  readonly #parts: PublicParts;
  readonly #hands = new Map<number, Promise<Hand>>();
  readonly #tokens = new Map<number, Promise<Token>>();

  constructor(parts: PublicParts) {
    this.#parts = parts;
  }

  /** JSON of the answer. Rejects with the server's refusal, or Unreachable. */
  async call(request: Request): Promise<string> {
    return parseText(await this.#askAs(request));
  }

  /** The personas of this account, by number. again: ask the server, whatever is known here. */
  async personas(again: boolean): Promise<readonly OwnPersona[]> {
    const row = await this.#row();
    if (row.looked && !again) return row.held;
    const held = [];
    for (let number = 0; number < PERSONAS; number++) {
      const found = await this.#find(number);
      if (found) held.push(ownOf(number, found));
    }
    return (await this.#keep({ held, looked: true })).held;
  }

  /** A new persona of this account. Rejects with `no-passes-left`, `bad-handle`, `handle-taken`, `handle-confusable`. */
  async create(handle: string, displayName: string): Promise<OwnPersona> {
    const { held, spent } = await this.#row();
    const taken = [...spent, ...held.map(({ number }) => number)];
    const number = [...Array(PERSONAS).keys()].find((one) => !taken.includes(one));
    if (number === undefined) throw error("no-passes-left");
    const { key, id, sign } = await this.#hand(number);
    const pass = await this.#pass();
    const proof = await sign(loginBytes(await this.#parts.serverName(), nonceOfPass(pass), id));
    const body = { pass, key, handle, display_name: displayName, proof };
    try {
      return await this.#hold(number, await this.#post(number, "/personas", body, PERSONA));
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      if (problem.code === "pass-spent") await this.#keep({ pass: "", once: "" });
      else if (problem.code === "persona-exists") {
        // Made before, by a call whose answer was lost or on another device; or deleted since, and never again.
        const found = await this.#find(number);
        const own = found && (await this.#hold(number, found, pass));
        if (own?.handle === handle) return own;
        if (!own) await this.#keep({ spent: [...spent, number] });
      } else throw problem;
      return this.create(handle, displayName);
    }
  }

  /** unused: a pass that it did not cost. */
  async #hold(number: number, found: Found, unused?: Uint8Array): Promise<OwnPersona> {
    const own = ownOf(number, found);
    const { held, once } = await this.#row();
    const kept = unused ? { pass: encodeB64(unused), once } : { pass: "", once: "" };
    await this.#keep({ held: [...held.filter((one) => one.number !== number), own], ...kept });
    return own;
  }

  /** One pass is taken at a time, and kept until a persona came of it: an account gets three in its life. */
  async #pass(): Promise<Uint8Array> {
    const row = await this.#row();
    if (row.pass) return parseB64(row.pass);
    const once = row.once || encodeB64(randomBytes(16));
    if (!row.once) await this.#keep({ once });
    const pass = await this.#parts.takePass(parseB64(once));
    await this.#keep({ pass: encodeB64(pass) });
    return pass;
  }

  async #find(number: number): Promise<Found | undefined> {
    const { id } = await this.#hand(number);
    try {
      return parseJson(await this.#ask({ as: number, method: "GET", path: `/personas/${encodeB64(id)}` }), PERSONA);
    } catch (problem) {
      if (problem instanceof ZajilError && problem.code === "gone") return undefined;
      throw problem;
    }
  }

  #hand(number: number): Promise<Hand> {
    return single(this.#hands, number, async () => {
      const account = await this.#parts.store.secrets.open("account-seed");
      if (!account?.length) throw error("not-permitted", "this device holds no account key");
      const seed = deriveSeed(account, number);
      account.fill(0);
      const [key, sign] = await Promise.all([publicKeyOf(seed), signerOf(seed)]);
      seed.fill(0);
      return { key, id: personaIdOf(key), sign };
    });
  }

  async #token(number: number): Promise<string> {
    const { bearer, expires } = await single(this.#tokens, number, () => this.#logIn(number));
    if (expires - MARGIN_S > this.#parts.now() / 1000) return bearer;
    this.#tokens.delete(number);
    return this.#token(number);
  }

  async #logIn(number: number): Promise<Token> {
    const { id, sign } = await this.#hand(number);
    const { nonce } = await this.#post(number, "/auth/challenge", { persona_id: id }, NONCE);
    const signature = await sign(loginBytes(await this.#parts.serverName(), nonce, id));
    const answer = await this.#post(number, "/auth/token", { persona_id: id, nonce, signature }, SESSION);
    return { bearer: `Bearer ${encodeB64(answer.token)}`, expires: answer.expires };
  }

  async #post<T>(number: number, path: string, body: Json, read: Read<T>): Promise<T> {
    return parseJson(await this.#ask({ as: number, method: "POST", path, body: encodeJson(body) }), read);
  }

  async #askAs(request: Request): Promise<Uint8Array> {
    const { as } = request;
    if (as === undefined) return this.#ask(request);
    try {
      return await this.#ask(request, await this.#token(as));
    } catch (problem) {
      if (!(problem instanceof ZajilError) || problem.code !== "token-expired") throw problem;
      this.#tokens.delete(as);
      return this.#ask(request, await this.#token(as));
    }
  }

  async #ask({ as, method, path, body, once }: Request, bearer?: string): Promise<Uint8Array> {
    const headers: Record<string, string> = {};
    if (bearer) headers["Authorization"] = bearer;
    if (once) headers["Idempotency-Key"] = once;
    if (body !== undefined) headers["Content-Type"] = JSON_TYPE;
    const apart = `public ${as ?? ""}`;
    const call = { method, path: `/pub/v1${path}`, headers, body, timeoutMs: TIMEOUT_MS, apart };
    const answer = await this.#parts.caller.call(call);
    if (answer.status >= 400) throw parseProblem(answer.status, answer.body);
    return answer.body;
  }

  #row(): Promise<PersonasRow> {
    return this.#parts.store.look(loadPersonas);
  }

  #keep(changes: Partial<PersonasRow>): Promise<PersonasRow> {
    const { store, now } = this.#parts;
    return store.step("personas", now(), (tx) => changePersonas(tx, changes));
  }
}

function ownOf(number: number, { persona_id, handle, display_name }: Found): OwnPersona {
  return { number, persona_id: encodeB64(persona_id), handle, display_name };
}

/** One at a time for a number; what failed is tried again. */
function single<T>(of: Map<number, Promise<T>>, number: number, make: () => Promise<T>): Promise<T> {
  const known = of.get(number);
  if (known) return known;
  const made = make();
  of.set(number, made);
  made.catch(() => of.delete(number));
  return made;
}
