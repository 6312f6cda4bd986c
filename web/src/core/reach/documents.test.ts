/** Documents and private bridges as a client keeps them: taken only where they verify, and there again after a restart. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it } from "vitest";
import vectors from "../../../../vectors/signed.json";
import { encodeText, parseHex } from "../../protocol/bytes.ts";
import * as control from "../../protocol/control.ts";
import { AuthError, error, errorFromWire } from "../../protocol/errors.ts";
import type { PrivateBridges } from "../../protocol/reach/endpoints.ts";
import type { Calls } from "../shell/calls.ts";
import { changeReach } from "../state/reach.ts";
import { openStore, type Store } from "../store/index.ts";
import { Documents } from "./documents.ts";

const ROOTS = vectors.roots.map(encodeText);
const HASHES = vectors.root_hashes.map(parseHex);
const GOOD = vectors.list_cases.find(({ about }) => about === "the first");
const LIST = encodeText(GOOD?.envelope ?? "");
const BRIDGES: PrivateBridges = {
  root_hash: HASHES[1] ?? new Uint8Array(),
  token_id: new Uint8Array(8),
  token: new Uint8Array(32).fill(3),
  bridges: [["one.example", 443, "aa"]],
};

let store: Store;
let changes: number;
let now: number;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  store = await openStore("main");
  await store.takeLead();
  changes = 0;
  now = (GOOD?.now_s ?? 0) * 1000;
});

const load = (): Promise<Documents> => Documents.load({ store, now: () => now, changed: () => void (changes += 1) });

/** A server that answers these. bundle: where the private bridges are, or how the token is refused. */
function server(
  docs: { roots?: readonly Uint8Array[]; list?: Uint8Array },
  bundle: readonly control.BridgeAddress[] | Error = [],
): { readonly calls: Calls; readonly asked: string[] } {
  const asked: string[] = [];
  const call = (route: control.Route<unknown>, { query = "", auth = "" } = {}): Promise<unknown> => {
    asked.push(route.path + query + auth);
    if (route.path === control.REACH_DOCS.path)
      return Promise.resolve({ roots: docs.roots ?? ROOTS, list: docs.list ?? LIST });
    return bundle instanceof Error
      ? Promise.reject(bundle)
      : Promise.resolve({ root_hash: HASHES[2], bridges: bundle });
  };
  return { calls: { call } as unknown as Calls, asked }; // the typed calls are tested beside the transports
}

describe("documents", () => {
  it("are taken from the server, kept, and asked for from the version held", async () => {
    const documents = await load();
    expect(() => documents.sessionKey()).toThrow("not-this-server");
    const first = server({});
    await documents.refresh(first.calls);
    expect(first.asked).toEqual(["/reach/docs?root=0"]);
    const hosts = documents.endpoints().map(({ host }) => host);
    expect(hosts).toContain("cdn.example");
    expect(changes).toBeGreaterThan(0);
    const again = await load();
    expect(again.endpoints()).toEqual(documents.endpoints());
    expect(again.sessionKey()).toEqual(documents.sessionKey());
    expect(again.fetchedAt).toBe(now);
    const second = server({ roots: [] });
    await again.refresh(second.calls);
    expect(second.asked).toEqual(["/reach/docs?root=3"]);
  });

  it.each<[string, { roots?: readonly Uint8Array[]; list?: Uint8Array }]>([
    ["a root of nobody", { roots: [encodeText("{}")] }],
    ["a list of nobody", { list: encodeText("{}") }],
  ])("of a server that hands out %s change nothing", async (_, docs) => {
    const documents = await load();
    await documents.refresh(server({}).calls);
    const before = documents.endpoints();
    await expect(documents.refresh(server(docs).calls)).rejects.toMatchObject({ code: "wrong-signature" });
    expect(documents.endpoints()).toEqual(before);
    expect((await load()).endpoints()).toEqual(before);
  });

  it("are pinned by a link: another server's root is refused, ours is followed from there on", async () => {
    const documents = await load();
    await documents.pin(new Uint8Array(32));
    const answer = encodeText(vectors.root_answer);
    await expect(documents.needRoot(() => Promise.resolve(answer))).rejects.toMatchObject({ code: "not-this-server" });
    await expect(documents.refresh(server({}).calls)).rejects.toMatchObject({ code: "not-this-server" });
    await documents.pin(BRIDGES.root_hash);
    await documents.needRoot(() => Promise.resolve(answer));
    expect(documents.sessionKey().kid).toHaveLength(4);
    await documents.needRoot(() => Promise.reject(error("unreachable")));
    await expect((await load()).needRoot(() => Promise.reject(error("unreachable")))).resolves.toBeUndefined();
  });

  it("are not pinned by bridges that came with the account there already", async () => {
    const documents = await load();
    await documents.keepBridges(BRIDGES);
    const answer = encodeText(vectors.root_answer);
    await expect(documents.needRoot(() => Promise.resolve(answer))).rejects.toMatchObject({ code: "not-this-server" });
    // Their bridges may say what they like.
    await documents.checkOurs(BRIDGES.root_hash, ROOTS);
    expect(() => documents.sessionKey()).toThrow("not-this-server");
    expect(documents.isOurs(BRIDGES.root_hash)).toBeNull();
  });

  it("let go a root that another link led to, and not the one that the server itself handed out", async () => {
    const documents = await load();
    await documents.pin(BRIDGES.root_hash);
    await documents.takeRoots(ROOTS);
    await documents.pin(HASHES[2] ?? LIST);
    expect(documents.sessionKey().kid).toHaveLength(4);
    await documents.pin(new Uint8Array(32));
    expect(() => documents.sessionKey()).toThrow("not-this-server");
    await documents.pin(null);
    await documents.takeRoots(ROOTS);
    await documents.pin(new Uint8Array(32));
    expect((await load()).sessionKey().kid).toHaveLength(4);
  });

  it("say where TLS ends at the server: at the hosts of the root, before any at the page's own", async () => {
    const documents = await load();
    const at = (host: string) => documents.isOrigin({ host, port: 443 });
    expect(at("cdn.example")).toBe(true);
    await documents.takeRoots(ROOTS);
    expect([at("cdn.example"), at("home.example")]).toEqual([false, true]);
  });

  it("tell bridges of ours from others by any root of the chain", async () => {
    const documents = await load();
    await documents.refresh(server({ roots: ROOTS.slice(0, 2) }).calls);
    for (const [at, hash] of HASHES.entries()) {
      expect(documents.isOurs(hash)).toBe(at < 2 ? true : null);
    }
    await documents.checkOurs(HASHES[2] ?? LIST, ROOTS);
    expect(documents.isOurs(HASHES[2] ?? LIST)).toBe(true);
    await expect(documents.checkOurs(new Uint8Array(32), ROOTS)).rejects.toMatchObject({ code: "not-this-server" });
    await expect(documents.checkOurs(HASHES[1] ?? LIST, [])).rejects.toMatchObject({ code: "not-this-server" });
  });
});

describe("what is kept and does not verify any more", () => {
  it("counts as not held, and hinders nothing", async () => {
    const documents = await load();
    await documents.refresh(server({}).calls);
    await store.step("damage", now, (tx) => changeReach(tx, { list: encodeText("{}"), bridges: encodeText("no") }));
    const again = await load();
    expect([again.endpoints(), again.bridges, again.sessionKey().kid.length]).toEqual([[], null, 4]);
    await again.refresh(server({ roots: [] }).calls);
    expect(again.endpoints()).toEqual(documents.endpoints());
  });
});

describe("private bridges", () => {
  it("stand behind the public ones, named by their place, and are forgotten when asked", async () => {
    const documents = await load();
    await documents.keepBridges(BRIDGES);
    expect(documents.endpoints()).toMatchObject([
      { id: "private-1@one.example:443", private: true, token: BRIDGES.token },
    ]);
    expect((await load()).bridges).toEqual(BRIDGES);
    await documents.forgetBridges();
    expect([documents.endpoints(), (await load()).bridges]).toEqual([[], null]);
  });

  it("move where the server says they are now", async () => {
    const documents = await load();
    await documents.keepBridges(BRIDGES);
    const moved = server({}, [{ host: "two.example", port: 8443, dir: "bb" }]);
    await documents.refresh(moved.calls);
    expect(moved.asked[1]).toMatch(/^\/bridges\/bundleToken /);
    expect((await load()).bridges).toEqual({ ...BRIDGES, bridges: [["two.example", 8443, "bb"]] });
    await documents.refresh(server({}, []).calls);
    expect(documents.bridges?.bridges).toHaveLength(1);
  });

  it("go with a token that opens nothing any more, and stay where the server could not say", async () => {
    const documents = await load();
    await documents.keepBridges(BRIDGES);
    await documents.refresh(server({}, error("unreachable")).calls);
    expect(documents.bridges).toEqual(BRIDGES);
    const refused = errorFromWire("token-expired", { status: 401 });
    expect(refused).toBeInstanceOf(AuthError);
    await documents.refresh(server({}, refused).calls);
    expect((await load()).bridges).toBeNull();
  });
});

describe("the clock", () => {
  it("is the server's, once it is known to be another one", async () => {
    const documents = await load();
    await documents.noteOffset(5_000);
    expect(documents.serverNow()).toBe(now);
    await documents.noteOffset(-7_200_000);
    expect((await load()).serverNow()).toBe(now - 7_200_000);
  });
});
