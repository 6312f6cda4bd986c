/**
 * Whole devices over the real server, whose own address a censor of the test closes: they go on over a front, where
 * everything is sealed, and come back when it is open again.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { parseMemory } from "../../protocol/path/memory.ts";
import { loadNetworks } from "../state/reach.ts";
import { Client } from "../testing/clients.ts";
import { NodeSocket, openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { OpenSocket } from "../transports/websocket.ts";

const FRONT = "cdn.test";
const server = hasServer ? new ServerProcess(`fronts = ["https://${FRONT}/app"]`) : undefined;
const clients: Client[] = [];
/** Whether the server's own address answers, and whether the front does. */
let open = { own: true, front: true };
const fetching = globalThis.fetch;

/** What was asked of the front by plain HTTPS. */
const asked: string[] = [];

/** By fetch: to the server itself, or to the front. */
function passed(...[target, init]: Parameters<typeof fetch>): Promise<Response> {
  const url = new URL(target instanceof Request ? target.url : target);
  const isFront = url.hostname === FRONT;
  if (!(isFront ? open.front : open.own)) return Promise.reject(new TypeError("blocked"));
  if (!isFront) return fetching(url, init);
  if (init?.method === "POST") return Promise.reject(new TypeError("by WebSocket here"));
  asked.push(url.pathname);
  return fetching(`${server?.url ?? ""}${url.pathname.replace("/app", "")}${url.search}`, init);
}

/** A front hands what lies below its folder to the server. */
const through: OpenSocket = (url) => {
  const { hostname, pathname, search } = new URL(url);
  const isFront = hostname === FRONT;
  const socket = new NodeSocket(
    isFront ? `${(server?.url ?? "").replace("http", "ws")}${pathname.replace("/app", "")}${search}` : url,
  );
  Object.assign(socket, { isFront });
  if (!(isFront ? open.front : open.own)) queueMicrotask(() => socket.cut());
  return socket;
};

function block(ways: Partial<typeof open>): void {
  open = { ...open, ...ways };
  for (const socket of [...openSockets]) {
    const { isFront } = socket as NodeSocket & { readonly isFront: boolean };
    if (!(isFront ? open.front : open.own)) socket.cut();
  }
}

beforeAll(async () => {
  await server?.start();
  vi.stubGlobal("fetch", passed);
}, 60_000);
afterEach(async () => {
  open = { own: true, front: true };
  await Promise.all(clients.splice(0).map((client) => client.end()));
  // A sealed carrier closes behind what is still being sealed.
  await vi.waitFor(() => expect(openSockets.size).toBe(0));
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await server?.remove();
});

/** Somebody with an account, who has the list of endpoints. */
async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name, through);
  clients.push(client);
  await client.until(
    () => Promise.resolve(client.way.documents.endpoints().length),
    (count) => count > 0,
  );
  return client;
}
const state = (client: Client): Promise<string | undefined> => Promise.resolve(client.way.shown().state);

describe.skipIf(!hasServer)("a device whose page was opened at a front", () => {
  it("asks it for the documents, seals all that follows, and does not call it direct", async () => {
    asked.length = 0;
    const amal = await Client.registered(`https://${FRONT}/app`, "Amal", through);
    clients.push(amal);
    const omar = await person("Omar");
    const gid = await amal.open(omar);
    await amal.say(gid, "sealed");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 1,
    );
    expect(amal.way.shown()).toMatchObject({ state: "via", via: FRONT });
    expect(amal.way.shown().routes.map(({ kind }) => kind)).toEqual(["front", "front"]);
    expect(asked).toEqual(["/app/v1/reach/docs"]);
  });
});

describe.skipIf(!hasServer)("what carried a call", () => {
  it("is kept with the networks, sealed, until it may be another one", async () => {
    const amal = await person("Amal");
    expect(amal.way.rung).toBeNull();
    amal.way.keepRung("B");
    await vi.waitFor(async () => {
      const memory = parseMemory(await amal.store.look(loadNetworks));
      expect([...memory.networks.values()].map(({ rung }) => rung)).toEqual(["B"]);
    });
    const again = await amal.restart();
    clients.push(again);
    expect(again.way.rung).toBe("B");
    again.network.set(false);
    again.network.set(true);
    expect(again.way.rung).toBeNull();
    again.way.keepRung("A");
    expect(again.way.rung).toBe("A");
  });
});

describe.skipIf(!hasServer)("a server that was away", () => {
  it("is found again within seconds where it has no TLS; a call looks for it at once between two looks", async () => {
    const amal = await person("Amal");
    const tap = vi.spyOn(amal.way.carriers, "tap");
    block({ own: false, front: false });
    await amal.until(
      () => state(amal),
      (now) => now === "waiting" || now === "blocked",
    );
    await expect(amal.way.openMedia("0a1b")).rejects.toThrow("unreachable");
    expect(tap).toHaveBeenCalledOnce();
    // What a laptop's rounds do alone, without a tap: others begin 10 and 30 s after the first.
    tap.mockImplementation(() => undefined);
    await new Promise((done) => setTimeout(done, 1_500));
    block({ own: true });
    await vi.waitFor(() => expect(amal.way.carriers.route).not.toBeNull(), { timeout: 5_000 });
    // POSTs may have come first, and the WebSocket failed while the server was away: it carries the call all the same.
    expect((await amal.way.openMedia("0a1b")).url).toContain("0a1b");
  });
});

describe.skipIf(!hasServer)("a call beside POSTs, over TLS", () => {
  it("goes by a WebSocket that failed while the server was away, and not by one that fails beside them", async () => {
    const amal = await Client.registered(`https://${FRONT}/app`, "Amal", through);
    clients.push(amal);
    const { carriers } = amal.way;
    await vi.waitFor(() => expect(carriers.chosen?.strategy).toBe("wss"));
    const { view, chosen } = carriers;
    if (!chosen) throw new Error("no route");
    vi.spyOn(carriers, "chosen", "get").mockReturnValue({ ...chosen, strategy: "poll" });
    for (const [result, inOutage, carries] of [
      ["failed", false, false],
      ["frozen", false, false],
      ["failed", true, true],
      ["stopped", false, true],
    ] as const) {
      const tries = view.tries.map((one) => ({ ...one, result, inOutage }));
      vi.spyOn(carriers, "view", "get").mockReturnValue({ ...view, tries });
      expect(amal.way.carriesMedia, `${result} ${String(inOutage)}`).toBe(carries);
    }
  });
});

describe.skipIf(!hasServer)("a device whose server is blocked", () => {
  it("goes on over a front, calls and all, and says so; a restart finds it at once", async () => {
    const [amal, omar] = [await person("Amal"), await person("Omar")];
    block({ own: false });
    await amal.until(
      () => state(amal),
      (now) => now === "via",
    );
    expect(amal.way.shown()).toMatchObject({ via: FRONT, bridges: 0 });
    // Adding somebody takes control calls of the device and of a contact.
    const gid = await amal.open(omar);
    await amal.say(gid, "over the front");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 1,
    );
    const routes = amal.way.shown().routes;
    expect(routes[0]).toMatchObject({ kind: "front", name: FRONT, strategy: "wss", result: "proved", chosen: true });
    expect(routes.find(({ kind, strategy }) => kind === "origin" && strategy === "wss")).toMatchObject({
      result: "failed",
    });

    // What won is remembered with the store.
    await vi.waitFor(async () => expect(await amal.winners()).toContain(FRONT));
    const again = await amal.restart();
    clients.push(again);
    await again.until(
      () => state(again),
      (now) => now === "via",
    );
    await again.say(gid, "again");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 2,
    );
  });

  it("says that nothing passes, keeps what is written, and is back with the first way that opens", async () => {
    const [amal, omar] = [await person("Amal"), await person("Omar")];
    const gid = await amal.open(omar);
    await omar.until(
      () => omar.chats(),
      (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
    );
    block({ own: false, front: false });
    await amal.until(
      () => state(amal),
      (now) => now === "waiting" || now === "blocked",
    );
    await amal.say(gid, "kept");
    expect(await omar.texts(gid)).toEqual([]);
    block({ front: true });
    amal.reconnect();
    omar.reconnect();
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 1,
    );
    expect(amal.way.shown().state).toBe("via");
  });
});
