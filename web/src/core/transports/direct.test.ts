/** Typed calls over fetch, against a plain HTTP server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as control from "../../protocol/control.ts";
import {
  HomeError,
  Limited,
  LocalProtocolError,
  Malformed,
  RemoteProtocolError,
  Unavailable,
} from "../../protocol/errors.ts";
import { Calls, contactAuth, deviceAuth } from "../shell/calls.ts";
import { DialError } from "./base.ts";
import { DirectCaller, parseBase } from "./direct.ts";

let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const heard: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (data: Buffer) => (body += data.toString()));
    request.on("end", () => {
      heard.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/under/a/prefix`;
});
afterAll(() => void server.close());
afterEach(() => {
  heard.splice(0);
});

const direct = (address = base): DirectCaller => new DirectCaller(parseBase(address));

const json =
  (status: number, value: object): typeof answer =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
const config = {
  server_name: "home.example",
  registration: "invite",
  min_client: 0,
  suites: [83],
  limits: { text: 1 },
  later: { x: [] },
};

describe("control calls", () => {
  it("work under any prefix, without cookies, and ignore what is new", async () => {
    answer = json(200, config);
    const found = await new Calls(direct()).call(control.CONFIG);
    expect(found).toMatchObject({ server_name: "home.example", suites: [83] });
    expect(heard[0]).toMatchObject({ method: "GET", url: "/under/a/prefix/v1/config" });
    expect(heard[0]?.headers).not.toHaveProperty("cookie");
    expect(heard[0]?.headers).not.toHaveProperty("referer");
    expect(heard[0]?.headers).not.toHaveProperty("authorization");
  });

  it("carry bytes as base64url, the authorisation, the query and the idempotency key", async () => {
    answer = json(200, { refs: ["AAEC"] });
    const calls = new Calls(direct(`${base}/`));
    const parts = {
      auth: deviceAuth("token"),
      request: { n: 1, blob: Uint8Array.of(0, 255) },
      idempotency: new Uint8Array(16),
    };
    expect(await calls.call(control.TAKE_REFS, parts)).toEqual({ refs: [Uint8Array.of(0, 1, 2)] });
    expect(heard[0]?.body).toBe('{"n":1,"blob":"AP8"}');
    expect(heard[0]?.headers).toMatchObject({
      authorization: "Device token",
      "idempotency-key": "AAAAAAAAAAAAAAAAAAAAAA",
    });
    answer = json(200, { lists: [] });
    await calls.call(control.DEVICE_LISTS, {
      auth: contactAuth(new Uint8Array(32)),
      query: "?from=1",
      parameters: { account: "abc" },
    });
    expect(heard[1]?.url).toBe("/under/a/prefix/v1/accounts/abc/devices?from=1");
  });

  it("refuse another kind of authorisation and parameters that would leave the path", async () => {
    const calls = new Calls(direct());
    await expect(calls.call(control.TAKE_REFS, { request: { n: 1 } })).rejects.toBeInstanceOf(LocalProtocolError);
    await expect(calls.call(control.CONFIG, { auth: deviceAuth("t") })).rejects.toBeInstanceOf(LocalProtocolError);
    for (const addr of ["../config", "a/b", "", "%2e", "a?b"]) {
      await expect(calls.call(control.LINK_OFFER, { parameters: { addr } }), addr).rejects.toBeInstanceOf(
        LocalProtocolError,
      );
    }
    await expect(calls.call(control.LINK_OFFER)).rejects.toBeInstanceOf(LocalProtocolError);
    expect(heard).toEqual([]);
  });

  it.each<[string, typeof answer, object]>([
    [
      "a problem",
      json(429, { type: "urn:zajil:error:slow-down", title: "", status: 429, code: "slow-down", retry_ms: 7 }),
      Limited,
    ],
    ["a proxy's page", (_, response) => void response.writeHead(502).end("<html>"), Unavailable],
    ["an answer of another shape", json(200, { server_name: 5 }), Malformed],
    ["an answer that is no JSON", (_, response) => void response.writeHead(200).end("{"), Malformed],
    ["a redirect", (_, response) => void response.writeHead(302, { location: "/elsewhere" }).end(), DialError],
    ["a broken connection", (_, response) => void response.destroy(), DialError],
    [
      "an endless answer",
      (_, response) => void response.writeHead(200).end(Buffer.alloc(2 ** 21)),
      RemoteProtocolError,
    ],
  ])("end with %s as its error", async (_, said, kind) => {
    answer = said;
    await expect(new Calls(direct()).call(control.CONFIG)).rejects.toBeInstanceOf(kind);
  });

  it("are given up by their signal or their deadline", async () => {
    answer = () => undefined;
    const transport = direct();
    const stop = new AbortController();
    const given = new Calls(transport).call(control.CONFIG, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    const late = transport.call({ method: "GET", path: "/v1/config", headers: {}, timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ stage: "http", reason: "timeout" });
  });

  it.each(["", "x", "ftp://h/", "https://user@h/", "javascript:alert(1)"])("refuse the address %j", (address) => {
    expect(() => parseBase(address)).toThrow(HomeError);
  });
});
