/**
 * What crosses to a tab: no key, no MLS state, no token, no bytes at all (web.md 3). tsc checks it; what the values are
 * is tested in verbs/verbs.test.ts.
 */
import { expectTypeOf, test } from "vitest";
import type { Answer, Arguments, CallName, CoreEvent, FromWorker, ToWorker } from "./api.ts";

/** Values that could be a key or a state; texts and numbers are named below. */
type Opaque = ArrayBufferLike | ArrayBufferView | CryptoKey | CryptoKeyPair | MessagePort | Map<never, never>;

/** The names of all members of a type, however deep; "OPAQUE" where a value could hold a key. */
type Names<T, Depth extends unknown[] = []> = Depth["length"] extends 8
  ? never
  : T extends Opaque
    ? "OPAQUE"
    : T extends readonly (infer Item)[]
      ? Names<Item, [...Depth, 1]>
      : T extends object
        ? { [K in keyof T & string]: K | Names<T[K], [...Depth, 1]> }[keyof T & string]
        : never;

type AllAnswers = { [N in CallName]: Answer<N> }[CallName];
type AllArguments = { [N in CallName]: Arguments<N> }[CallName];
type Secret =
  | "OPAQUE"
  | `${string}token${string}`
  | `${string}seed${string}`
  | `${string}secret${string}`
  | `${string}key_package${string}`
  | `${string}ratchet${string}`
  | "private_key"
  | "gs"
  | "keys";

test("no member of what crosses could hold a key, a state or a token", () => {
  expectTypeOf<Extract<Names<AllAnswers>, Secret>>().toEqualTypeOf<never>();
  // A port goes through a page, which made it and never listens to it (design/calls.md 5).
  expectTypeOf<Arguments<"open_calls">>().toEqualTypeOf<{ port: MessagePort }>();
  expectTypeOf<Extract<Names<Exclude<AllArguments, { port: unknown }>>, Secret>>().toEqualTypeOf<never>();
  expectTypeOf<Extract<Names<CoreEvent>, Secret>>().toEqualTypeOf<never>();
  expectTypeOf<Extract<Names<Exclude<ToWorker, { args: unknown }>>, Secret>>().toEqualTypeOf<never>();
  expectTypeOf<Extract<Names<Extract<FromWorker, { error: unknown }>>, Secret>>().toEqualTypeOf<never>();
  // The check itself sees what it looks for.
  expectTypeOf<Extract<Names<{ a: { b: Uint8Array }[] }>, Secret>>().toEqualTypeOf<"OPAQUE">();
  expectTypeOf<Extract<Names<{ a: { contact_token: string } }>, Secret>>().toEqualTypeOf<"contact_token">();
});
