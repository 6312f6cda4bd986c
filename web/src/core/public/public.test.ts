/** Personas over a public space in memory that keeps its rules about passes, keys and logins, and loses answers. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import { loginBytes, nonceOfPass, personaIdOf } from "../../protocol/public/persona.ts";
import { randomBytes, verify } from "../crypto.ts";
import { openStore, type Store } from "../store/index.ts";
import { type Call, DialError } from "../transports/base.ts";
import { PublicSide } from "./public.ts";

const SERVER = "home.example";
const SEED = new Uint8Array(32).fill(7);
let now = 1_790_000_000_000;

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  now = 1_790_000_000_000;
});

interface Known {
  readonly key: Uint8Array;
  readonly handle: string;
  readonly name: string;
}

/** A public space: passes are burnt once, keys are known for good, tokens hold for an hour. */
class Space {
  readonly personas = new Map<string, Known>();
  readonly deleted = new Set<string>();
  readonly passes = new Set<string>();
  readonly calls: Call[] = [];
  readonly #tokens = new Map<string, string>();
  readonly #nonces = new Map<string, string>();
  /** Answers of these paths are lost on their way. */
  lost = "";
  logins = 0;

  async call(call: Call): Promise<{ status: number; body: Uint8Array }> {
    this.calls.push(call);
    const answer = await this.#answer(call);
    if (this.lost !== "" && call.path.endsWith(this.lost)) {
      this.lost = "";
      throw new DialError("http", "closed");
    }
    return { status: answer.code ? 409 : 200, body: new TextEncoder().encode(JSON.stringify(answer)) };
  }

  forgetTokens(): void {
    this.#tokens.clear();
  }

  async #answer({ method, path, body, headers }: Call): Promise<Record<string, unknown>> {
    const of = JSON.parse(typeof body === "string" ? body : "{}") as Record<string, string>;
    const at = (name: string): Uint8Array => parseB64(of[name] ?? "");
    if (path === "/pub/v1/personas" && method === "POST") return this.#create(of, at);
    if (path.startsWith("/pub/v1/personas/")) {
      const id = path.slice("/pub/v1/personas/".length);
      const found = this.personas.get(id);
      return found ? viewOf(id, found) : problem("gone");
    }
    if (path === "/pub/v1/auth/challenge") {
      const nonce = encodeB64(randomBytes(32));
      this.#nonces.set(nonce, of["persona_id"] ?? "");
      return { nonce, origin: "elsewhere.example" };
    }
    if (path === "/pub/v1/auth/token") {
      const id = of["persona_id"] ?? "";
      const key = this.personas.get(id)?.key ?? new Uint8Array(32);
      const good = await verify(key, at("signature"), loginBytes(SERVER, at("nonce"), parseB64(id)));
      if (!good || this.#nonces.get(of["nonce"] ?? "") !== id) return problem("bad-challenge");
      const token = encodeB64(randomBytes(32));
      this.logins += 1;
      this.#tokens.set(`Bearer ${token}`, id);
      return { token, expires: now / 1000 + 3600 };
    }
    const bearer = headers["Authorization"];
    if (bearer !== undefined && !this.#tokens.has(bearer)) return problem("token-expired");
    return { as: bearer === undefined ? "nobody" : this.#tokens.get(bearer), once: headers["Idempotency-Key"] ?? "" };
  }

  async #create(of: Record<string, string>, at: (name: string) => Uint8Array): Promise<Record<string, unknown>> {
    const key = at("key");
    const id = encodeB64(personaIdOf(key));
    const signed = loginBytes(SERVER, nonceOfPass(at("pass")), personaIdOf(key));
    if (!(await verify(key, at("proof"), signed))) return problem("bad-challenge");
    if (this.personas.has(id) || this.deleted.has(id)) return problem("persona-exists");
    if ([...this.personas.values()].some(({ handle }) => handle === of["handle"])) return problem("handle-taken");
    if (!this.passes.delete(of["pass"] ?? "")) return problem("pass-spent");
    this.personas.set(id, { key, handle: of["handle"] ?? "", name: of["display_name"] ?? "" });
    return viewOf(id, this.personas.get(id));
  }
}

const problem = (code: string): Record<string, unknown> => ({ code, title: code, status: 409 });
const viewOf = (persona_id: string, found: Known | undefined): Record<string, unknown> => ({
  persona_id,
  handle: found?.handle,
  display_name: found?.name,
  kind: "person",
  created_at: 1,
});

async function device(space: Space, profile = "main") {
  const store: Store = await openStore(profile);
  await store.takeLead();
  await store.secrets.keep("account-seed", SEED.slice());
  const taken = new Map<string, Uint8Array>();
  const side = new PublicSide({
    store,
    caller: space,
    now: () => now,
    serverName: () => Promise.resolve(SERVER),
    takePass: (once) => {
      const known = taken.get(encodeB64(once)) ?? randomBytes(32);
      taken.set(encodeB64(once), known);
      space.passes.add(encodeB64(known));
      return Promise.resolve(known);
    },
  });
  return { store, side, taken };
}

test("a persona is made, found by another device of the account, and speaks under its own token", async () => {
  const space = new Space();
  const { side } = await device(space);
  expect(await side.personas(false)).toEqual([]);
  const made = await side.create("layla", "Layla");
  expect(made).toMatchObject({ number: 0, handle: "layla", display_name: "Layla" });
  expect(JSON.parse(await side.call({ as: 0, method: "GET", path: "/subscriptions" }))).toMatchObject({
    as: made.persona_id,
  });
  expect(JSON.parse(await side.call({ method: "GET", path: "/search?q=x" }))).toMatchObject({ as: "nobody" });

  const other = await device(space, "other");
  expect(await other.side.personas(false)).toEqual([made]);
});

test("each persona's calls stay apart from those of the others and of nobody", async () => {
  const space = new Space();
  const { side } = await device(space);
  await side.create("layla", "Layla");
  await side.create("omar", "Omar");
  space.calls.length = 0;
  await side.call({ as: 0, method: "GET", path: "/subscriptions" });
  await side.call({ as: 1, method: "GET", path: "/subscriptions" });
  await side.call({ method: "GET", path: "/search?q=x" });
  const kinds = (path: string): unknown[] =>
    space.calls.filter((call) => call.path.includes(path)).map(({ apart }) => apart);
  expect(new Set(kinds("/subscriptions")).size).toBe(2);
  expect(kinds("/auth/token")).toEqual(kinds("/subscriptions"));
  expect(kinds("/subscriptions")).not.toContain(kinds("/search")[0]);
  for (const { apart } of space.calls) expect(apart).toBeTruthy();
});

test("a refused handle costs no pass, and a lost answer no second persona", async () => {
  const space = new Space();
  const { side, taken } = await device(space);
  space.personas.set("someone", { key: new Uint8Array(32), handle: "layla", name: "Another" });
  await expect(side.create("layla", "Layla")).rejects.toMatchObject({ code: "handle-taken" });
  space.lost = "/personas";
  await expect(side.create("layla_2", "Layla")).rejects.toMatchObject({ code: "unreachable" });
  expect(await side.create("layla_2", "Layla")).toMatchObject({ number: 0, handle: "layla_2" });
  expect(taken.size).toBe(1);
  expect(space.personas.size).toBe(2);
});

test("a deleted persona's number is never used again, and what another device made is taken over", async () => {
  const space = new Space();
  const { side } = await device(space);
  const first = await side.create("first", "First");
  space.personas.delete(first.persona_id);
  space.deleted.add(first.persona_id);
  expect(await side.personas(true)).toEqual([]);
  expect(await side.create("second", "Second")).toMatchObject({ number: 1 });

  const other = await device(space, "other");
  expect(await other.side.create("third", "Third")).toMatchObject({ number: 2, handle: "third" });
  expect((await other.side.personas(true)).map(({ handle }) => handle)).toEqual(["second", "third"]);
  await expect(other.side.create("fourth", "Fourth")).rejects.toMatchObject({ code: "no-passes-left" });
});

test("a token that ends, or that the server has forgotten, is taken anew", async () => {
  const space = new Space();
  const { side } = await device(space);
  await side.create("layla", "Layla");
  const ask = () => side.call({ as: 0, method: "POST", path: "/channels", body: "{}", once: "AAAA" });
  expect(JSON.parse(await ask())).toMatchObject({ once: "AAAA" });
  await ask();
  expect(space.logins).toBe(1);
  now += 3_599_000;
  await ask();
  expect(space.logins).toBe(2);
  space.forgetTokens();
  await ask();
  expect(space.logins).toBe(3);
});

test("without the account's key there is no persona", async () => {
  const { store, side } = await device(new Space());
  await store.secrets.forget("account-seed");
  await expect(side.create("layla", "Layla")).rejects.toMatchObject({ code: "not-permitted" });
});
