/** Calls about bridges: what a link shows, when its bridges are kept, and what is passed on. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import vectors from "../../../../vectors/signed.json";
import { encodeText, parseHex } from "../../protocol/bytes.ts";
import type * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeContactLink } from "../../protocol/identity/links.ts";
import { encodeBridgeLink, parseBridgeLink, type PrivateBridges } from "../../protocol/reach/endpoints.ts";
import { Documents } from "../reach/documents.ts";
import { openStore } from "../store/index.ts";
import { DialError } from "../transports/base.ts";
import type { Host } from "./handlers.ts";
import { newcomerVerbs } from "./newcomer.ts";
import { keepFirstBridges, learnServer, reachVerbs, takeBundleIfAny } from "./reach.ts";

/** Nobody signs up here. */
const NOBODY = { opened: unexpected, recovered: unexpected, ended: unexpected };
const ROOTS = vectors.roots.map(encodeText);
const HASHES = vectors.root_hashes.map(parseHex);
const LIST = encodeText(vectors.list_cases.find(({ about }) => about === "the first")?.envelope ?? "");
const NOW = vectors.now_s * 1000;
const bundle = (more: Partial<PrivateBridges> = {}): PrivateBridges => ({
  ...{ root_hash: HASHES[1] ?? LIST, token_id: new Uint8Array(8), token: new Uint8Array(32).fill(7) },
  bridges: [
    ["one.example", 443, "aa"],
    ["two.example", 8443, "bb"],
  ],
  ...more,
});
const LINK = encodeBridgeLink(bundle());
const OTHER = encodeBridgeLink(bundle({ root_hash: new Uint8Array(32).fill(9) }));

function unexpected(): Promise<void> {
  return Promise.reject(new Error("nobody signs up here"));
}

interface World {
  readonly host: Host;
  readonly documents: Documents;
  readonly asked: string[];
  taps: number;
  /** What the server answers, and what a bridge answers to ROOT. */
  server: (path: string) => unknown;
  bridge: () => Uint8Array;
}

let world: World;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  const store = await openStore("main");
  await store.takeLead();
  const documents = await Documents.load({ store, now: () => NOW, changed: () => undefined });
  const asked: string[] = [];
  const call = (route: control.Route<unknown>): Promise<unknown> => {
    asked.push(route.path);
    return new Promise((resolve) => resolve(world.server(route.path)));
  };
  const way = {
    documents,
    learn: () => documents.takeRoots(ROOTS),
    carriers: { tap: () => void (world.taps += 1) },
    fetchRoots: ({ host }: { host: string }) => {
      asked.push(host);
      return new Promise((resolve) => resolve(world.bridge()));
    },
  };
  // What the verbs use of the way and of calls; both are tested beside their code.
  const host = {
    ...{ store, server: "https://home.example", way, calls: { call } },
    ...{ now: () => NOW, tokens: () => ({ auth: () => Promise.resolve("Device x") }) },
    core: () => {
      throw error("no-home");
    },
  } as unknown as Host;
  const away = (): never => {
    throw new DialError("http", "unreachable");
  };
  world = { host, documents, asked, taps: 0, server: () => ({ roots: ROOTS, list: LIST }), bridge: away };
});

describe("a link with bridges", () => {
  it("shows its hosts and whose server they lead to, and changes nothing", async () => {
    const verbs = reachVerbs(world.host);
    const shown = { hosts: ["one.example", "two.example"], known: false };
    expect(await verbs.preview_bridges({ text: LINK })).toEqual({ ...shown, ours: true });
    expect(await verbs.preview_bridges({ text: OTHER })).toEqual({ ...shown, ours: false });
    expect(world.documents.bridges).toBeNull();
    await verbs.add_bridges({ text: LINK });
    expect(await verbs.preview_bridges({ text: LINK })).toEqual({ ...shown, ours: true, known: true });
    world.server = () => {
      throw new DialError("http", "timeout");
    };
    expect((await verbs.preview_bridges({ text: OTHER })).ours).toBe(true);
    await expect(verbs.preview_bridges({ text: "https://home.example/i#AAAA" })).rejects.toMatchObject({
      code: "bad-link",
    });
  });

  it("is kept and tried at once where it leads to our server", async () => {
    const verbs = reachVerbs(world.host);
    expect(await verbs.add_bridges({ text: ` ${LINK}\n` })).toEqual({ added: 2 });
    expect(world.documents.bridges).toEqual(bundle());
    expect(world.taps).toBe(1);
    await verbs.remove_bridges();
    expect(world.documents.bridges).toBeNull();
  });

  it("is refused where the server, or else the bridges, say that it leads to another one", async () => {
    const verbs = reachVerbs(world.host);
    await expect(verbs.add_bridges({ text: OTHER })).rejects.toMatchObject({ code: "not-this-server" });
    world.server = () => {
      throw new DialError("http", "unreachable");
    };
    world.bridge = () => encodeText(vectors.root_answer);
    await expect(verbs.add_bridges({ text: OTHER })).rejects.toMatchObject({ code: "not-this-server" });
    expect([world.documents.bridges, world.taps]).toEqual([null, 0]);
    expect(await verbs.add_bridges({ text: LINK })).toEqual({ added: 2 });
    expect(world.asked.filter((one) => one === "two.example")).toEqual([]);
  });

  it("is kept where nobody can say", async () => {
    world.server = () => {
      throw new DialError("http", "unreachable");
    };
    expect(await reachVerbs(world.host).add_bridges({ text: OTHER })).toEqual({ added: 2 });
    expect(world.asked).toEqual(["/reach/docs", "one.example", "two.example"]);
  });
});

describe("passing bridges on", () => {
  const issued = {
    ...{ root_hash: HASHES[2], id: new Uint8Array(8).fill(1), token: new Uint8Array(32).fill(2), left: 4 },
    bridges: [{ host: "three.example", port: 443, dir: "cc" }],
  };

  it("makes a link of a fresh bundle", async () => {
    world.server = () => issued;
    const { link, left } = await reachVerbs(world.host).share_bridges();
    expect(link).toMatch(/^https:\/\/home\.example\/b#/);
    expect(left).toBe(4);
    expect(parseBridgeLink(link)).toMatchObject({ token: issued.token, bridges: [["three.example", 443, "cc"]] });
  });

  it("says why there is none; an invite goes without", async () => {
    world.server = () => {
      throw error("quota");
    };
    await expect(reachVerbs(world.host).share_bridges()).rejects.toMatchObject({ code: "quota" });
    expect(await takeBundleIfAny(world.host)).toBeNull();
  });
});

describe("the documents before an account", () => {
  it("are denied to a link that is used, and a link that was only looked at goes", async () => {
    await keepFirstBridges(world.host, bundle({ root_hash: new Uint8Array(32).fill(9) }));
    await expect(learnServer(world.host, bundle())).rejects.toMatchObject({ code: "not-this-server" });
    await learnServer(world.host, null);
    expect(world.documents.bridges).toBeNull();
    expect(world.documents.isOurs(HASHES[0] ?? LIST)).toBe(true);
  });

  it("are pinned by bridges that are kept then", async () => {
    world.server = () => {
      throw new DialError("http", "unreachable");
    };
    await reachVerbs(world.host).add_bridges({ text: LINK });
    await world.documents.needRoot(() => Promise.resolve(encodeText(vectors.root_answer)));
    expect(world.documents.sessionKey().kid).toHaveLength(4);
  });
});

describe("an invite with bridges", () => {
  it("is kept by who has no account yet, as soon as it is looked at", async () => {
    const text = encodeContactLink({
      ...{ server_name: "home.example", expires: NOW / 1000 + 60, account_id: null, contact_token: null },
      ...{ name: null, code: "ABCD", front: "https://home.example", bridges: bundle() },
    });
    const shown = await newcomerVerbs(world.host, NOBODY).preview_invite({ text });
    expect(shown.bridges).toEqual(["one.example", "two.example"]);
    expect(world.documents.bridges).toEqual(bundle());
  });

  it("of somebody cannot be reached where code of ours does not come, which is no bug", async () => {
    vi.doMock("./people.ts", () => {
      throw new TypeError("no network");
    });
    const text = encodeContactLink({
      ...{ server_name: "home.example", expires: NOW / 1000 + 60, account_id: new Uint8Array(16) },
      ...{ contact_token: null, name: null, code: null, front: "https://home.example", bridges: null },
    });
    const host = { ...world.host, core: () => ({}) } as unknown as Host;
    const asked = newcomerVerbs(host, NOBODY).preview_invite({ text });
    await expect(asked).rejects.toMatchObject({ code: "unreachable" });
    vi.doUnmock("./people.ts");
  });
});
