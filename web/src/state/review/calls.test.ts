/** Calls of staff: where they go, what they carry, and what ends a session. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused, call, newNonce, onEnd, useToken } from "./calls.ts";
import { findOtherPlace } from "./passkey.ts";

const asked: { url: string; init: RequestInit }[] = [];
let answer: () => Response;

beforeEach(() => {
  asked.length = 0;
  answer = () => Response.json({ ok: 1 });
  vi.stubGlobal("document", { baseURI: "https://home.example/under/review#/join/x" });
  vi.stubGlobal("fetch", (url: URL, init: RequestInit) => {
    asked.push({ url: url.href, init });
    return Promise.resolve(answer());
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  useToken(undefined);
});

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (error instanceof Refused ? error.code : String(error)),
  );

test("a call goes below the page's own place, with the token in its header and in nothing else", async () => {
  useToken("secret");
  await call("POST", "/queues/main/claim", (value) => value, {
    body: { n: 1 },
    query: { lang: "ar", source: undefined },
  });
  const [{ url, init }] = asked as [(typeof asked)[0]];
  expect(url).toBe("https://home.example/under/mod/v1/queues/main/claim?lang=ar");
  expect(init.headers).toEqual({ authorization: "Staff secret", "content-type": "application/json" });
  expect(init).toMatchObject({
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
  useToken(undefined);
  await call("GET", "/me", (value) => value);
  expect(asked[1]?.init.headers).toEqual({});
});

test("a session that is over is told once and its token forgotten; a refusal of one call ends nothing", async () => {
  const ended = vi.fn();
  onEnd(ended);
  useToken("secret");
  answer = () => Response.json({ code: "not-allowed" }, { status: 403 });
  expect(await refusal(call("GET", "/staff", (value) => value))).toBe("not-allowed");
  expect(ended).not.toHaveBeenCalled();
  answer = () => Response.json({ code: "token-expired" }, { status: 401 });
  expect(await refusal(call("GET", "/me", (value) => value))).toBe("token-expired");
  expect(await refusal(call("GET", "/me", (value) => value))).toBe("token-expired");
  expect(ended).toHaveBeenCalledTimes(1);
  expect(asked.at(-1)?.init.headers).toEqual({});
});

test("an answer that is no problem document has a code by its status, and silence is one too", async () => {
  for (const [status, code] of [
    [429, "slow-down"],
    [404, "gone"],
    [502, "internal"],
  ] as const) {
    answer = () => new Response("<html>", { status });
    expect(await refusal(call("GET", "/me", (value) => value))).toBe(code);
  }
  answer = () => {
    throw new TypeError("failed to fetch");
  };
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed to fetch")));
  expect(await refusal(call("GET", "/me", (value) => value))).toBe("unreachable");
});

test("a nonce is 16 bytes as the wire has them", () => {
  const made = Array.from({ length: 200 }, newNonce);
  for (const nonce of made) expect(nonce).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(new Set(made).size).toBe(200);
});

test("only an address in numbers has another place, and it keeps port, path and invite", () => {
  expect(findOtherPlace("http://127.0.0.1:8440/review#/join/abc")).toBe("http://localhost:8440/review#/join/abc");
  expect(findOtherPlace("http://[::1]:8440/review")).toBe("http://localhost:8440/review");
  expect(findOtherPlace("http://localhost:8440/review")).toBeUndefined();
  expect(findOtherPlace("https://home.example/review")).toBeUndefined();
  expect(findOtherPlace("https://127.0.0.1.example/review")).toBeUndefined();
});
