/** Which address a candidate is dialled at. */
import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";
import { Dialing, ownEndpoint, portOf } from "./dialing.ts";
import { parseBase } from "./direct.ts";
import { fetchRootAnswer, Seals } from "./sealed.ts";
import type { Socket } from "./websocket.ts";

const NOBODY = { record: () => undefined, ended: () => undefined };
const bridge = (more: Partial<Endpoint>): Endpoint => ({
  ...{ id: "b", kind: "bridge", host: "bridge.example", port: 443, dir: "static/fonts" },
  ...{ token: new Uint8Array(32), weight: 10, private: true },
  ...more,
});

/** The address that is dialled for an endpoint; nobody answers there. */
async function addressOf(base: string, endpoint: Endpoint, role: "R" | "S" = "R"): Promise<string> {
  let dialled = "";
  const dialing = new Dialing({
    base: parseBase(base),
    sealed: () =>
      Promise.resolve({
        fetchRootAnswer,
        seals: new Seals({
          key: () => ({ kid: new Uint8Array(4), public: new Uint8Array(1216) }),
          now: () => 0,
          offset: () => undefined,
        }),
      }),
    serverNow: () => 1_800_000_000,
    needRoot: () => Promise.resolve(),
    openSocket: (url) => {
      dialled = url;
      const socket: Socket = {
        binaryType: "",
        onopen: null,
        onmessage: null,
        onerror: null,
        onclose: null,
        send: () => undefined,
        close: () => undefined,
      };
      queueMicrotask(() => socket.onclose?.({ code: 1006 }));
      return socket;
    },
  });
  const candidate = { id: "x", endpoint, strategy: "wss" } as const;
  const carrier = dialing.dial(candidate, { role, r: "0a1b", lane: "" }, NOBODY, AbortSignal.timeout(1_000));
  await expect(carrier).rejects.toMatchObject({ stage: "connect", reason: "closed" });
  return dialled;
}

describe("addresses", () => {
  it.each([
    ["https://home.example", "R", "wss://home.example/v1/ws?r=0a1b"],
    ["https://home.example:8443/a/b/", "S", "wss://home.example:8443/a/b/v1/send?r=0a1b"],
    ["http://127.0.0.1:8440", "R", "ws://127.0.0.1:8440/v1/ws?r=0a1b"],
  ] as const)("of the page's own server %s", async (base, role, url) => {
    expect(
      await addressOf(
        base,
        ownEndpoint(parseBase(base), () => true),
        role,
      ),
    ).toBe(url);
  });

  it.each([
    ["https://cdn.example", "front", "wss://cdn.example/v1/sealed?r=0a1b"],
    ["https://cdn.example:8443/a/b/", "front", "wss://cdn.example:8443/a/b/v1/sealed?r=0a1b"],
    ["http://127.0.0.1:8440", "origin", "ws://127.0.0.1:8440/v1/ws?r=0a1b"],
  ])(
    "of the page's own server %s, which its root does not name, are sealed where there is TLS",
    async (base, kind, url) => {
      const own = ownEndpoint(parseBase(base), () => false);
      expect(own.kind).toBe(kind);
      expect(await addressOf(base, own)).toBe(url);
    },
  );

  it("of another name of the server go there over TLS, whatever the page's own address is", async () => {
    const origin = bridge({ kind: "origin", host: "other.example", dir: "", token: null });
    expect(await addressOf("http://127.0.0.1:8440/a/", origin)).toBe("wss://other.example/v1/ws?r=0a1b");
    expect(await addressOf("https://home.example", { ...origin, port: 8443 })).toBe(
      "wss://other.example:8443/v1/ws?r=0a1b",
    );
  });

  it("of a bridge prove its token by a path of their own each time", async () => {
    const pattern = /^wss:\/\/bridge\.example\/static\/fonts\/[\w-]{38}\?r=0a1b$/;
    const found = [
      await addressOf("https://home.example", bridge({})),
      await addressOf("https://home.example", bridge({})),
    ];
    for (const url of found) expect(url).toMatch(pattern);
    expect(new Set(found).size).toBe(2);
    expect(await addressOf("https://home.example", bridge({ port: 8443 }))).toMatch(
      /^wss:\/\/bridge\.example:8443\/static/,
    );
  });

  it("of a front without a token lie below its folder", async () => {
    const front = bridge({ kind: "front", host: "cdn.example", dir: "app", token: null });
    expect(await addressOf("https://home.example", front)).toBe("wss://cdn.example/app/v1/sealed?r=0a1b");
    expect(await addressOf("https://home.example", { ...front, dir: "" })).toBe("wss://cdn.example/v1/sealed?r=0a1b");
  });

  it("have the usual ports of their schemes", () => {
    expect(["https://h", "http://h", "http://h:8440"].map((base) => portOf(parseBase(base)))).toEqual([443, 80, 8440]);
  });
});
