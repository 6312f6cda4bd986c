/** The root and the list of endpoints by the vectors that Python wrote: taken or refused alike. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/signed.json";
import { encodeHex, encodeText, parseHex as hex } from "../../protocol/bytes.ts";
import { checkList, followRoots, isOrigin, pae, parseRootAnswer, type Root, sessionKeyOf, stepRoot } from "./signed.ts";

const ROOTS = vectors.roots.map(encodeText);
const NOW = vectors.now_s;
const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;
/** What Python refuses and this client never reads: app origins, addresses, pluggable transports. */
const read = ({ about }: { readonly about: string }): boolean => !/^(app origin|address|pt )/.test(about);

async function stepped(count: number): Promise<Root | null> {
  let root: Root | null = null;
  for (const envelope of ROOTS.slice(0, count)) root = await stepRoot(root, envelope);
  return root;
}
const first = (await stepped(1)) as Root;
const second = (await stepped(2)) as Root;
const third = (await stepped(3)) as Root;

describe("a root", () => {
  it.each(vectors.root_cases.filter(read))("$about: $code", async ({ held, envelope, pinned, code: refusal }) => {
    const step = stepRoot(await stepped(held), encodeText(envelope), pinned === null ? null : hex(pinned));
    if (refusal) await expect(step).rejects.toEqual(code(refusal));
    else expect(encodeHex((await step).hash)).toBe(vectors.root_hashes[vectors.roots.indexOf(envelope)]);
  });

  it("says hosts and keys", () => {
    expect([first, second, third].map((root) => root.origins.flatMap(({ hosts }) => hosts))).toEqual(vectors.hosts);
    for (const [now, kid] of vectors.session_keys) expect(encodeHex(sessionKeyOf(second, Number(now)).kid)).toBe(kid);
    expect(isOrigin(second, { host: "home.example", port: 8443 })).toBe(true);
    expect(isOrigin(first, { host: "home.example", port: 8443 })).toBe(false);
    expect(isOrigin(second, { host: "bridge.example", port: 443 })).toBe(false);
  });

  it("is followed from wherever the answer starts", async () => {
    const answer = parseRootAnswer(encodeText(vectors.root_answer));
    expect(answer).toEqual(ROOTS);
    for (const held of [null, first, second, third])
      expect(await followRoots(held, answer, { nowS: NOW })).toEqual(third);
    expect(await followRoots(second, ROOTS.slice(2), { nowS: NOW })).toEqual(third);
    expect(await followRoots(second, [], { nowS: NOW })).toBe(second);
    for (const { hash } of [first, second, third])
      expect(await followRoots(null, answer, { pinned: hash, nowS: NOW })).toEqual(third);
  });

  it("is no first one of another hash, none at all, or expired", async () => {
    const refused = [
      followRoots(null, ROOTS.slice(1), { pinned: first.hash, nowS: NOW }),
      followRoots(null, [], { nowS: NOW }),
    ];
    for (const one of refused) await expect(one).rejects.toEqual(code("not-this-server"));
    const late = { nowS: third.expires };
    await expect(followRoots(null, ROOTS, late)).rejects.toEqual(code("older-document"));
    expect(await followRoots(third, ROOTS, late)).toBe(third);
    await expect(followRoots(first, ROOTS.slice(2), { nowS: NOW })).rejects.toEqual(code("wrong-signature"));
  });
});

describe("a list", () => {
  const usable = vectors.endpoints.filter(({ kind }) => kind !== "pt");

  it.each(vectors.list_cases.filter(read))("$about: $code", async ({ envelope, held, now_s, stale, code: refusal }) => {
    const stored = held === null ? null : await checkList(second, encodeText(held), null, NOW);
    const check = checkList(second, encodeText(envelope), stored, now_s);
    if (refusal) {
      await expect(check).rejects.toEqual(code(refusal));
      return;
    }
    const taken = await check;
    const shown = taken.endpoints.map((one) => ({ ...one, token: one.token && encodeHex(one.token) }));
    expect(taken.stale).toBe(stale);
    expect(shown).toEqual(
      usable.map(({ id, kind, host, port, dir, token, weight }) => ({
        id,
        kind,
        host,
        port,
        dir,
        token,
        weight,
        private: false,
      })),
    );
  });
});

describe("an envelope", () => {
  it("signs what DSSE says", () => {
    for (const [type = "", body = "", expected] of vectors.pae) expect(encodeHex(pae(type, hex(body)))).toBe(expected);
  });

  it("is refused at every cut and in every other shape", async () => {
    const whole = ROOTS[1] ?? new Uint8Array();
    const cuts = Array.from({ length: 60 }, (_, at) => whole.slice(0, Math.floor((at * whole.length) / 60)));
    const shapes = [
      "null",
      "[]",
      "{}",
      "[".repeat(60_000),
      `{"payload":${"[".repeat(60_000)}`,
      "ÿ",
      " ".repeat(65_537),
    ];
    for (const bad of [...cuts, ...shapes.map(encodeText), Uint8Array.of(0xff)]) {
      await expect(stepRoot(first, bad)).rejects.toEqual(code("wrong-signature"));
      await expect(checkList(first, bad, null, NOW)).rejects.toEqual(code("wrong-signature"));
    }
    for (const bad of ["", "{}", "[1]", '["="]', `["${"A".repeat(1_100_000)}"]`])
      expect(() => parseRootAnswer(encodeText(bad))).toThrow("wrong-signature");
  });
});
