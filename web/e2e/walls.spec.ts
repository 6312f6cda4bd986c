/** The walls of web.md 3 and 11: keys stay in the worker, headers on every answer, no other script, hashes that tell. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { Release } from "./release.ts";
import { zajil } from "./programs.ts";
import { ON_THE_SERVER, Person, expect, test } from "./world.ts";

/** Keeps everything that crosses between this page and its worker, and between workers. Runs before the page's scripts. */
function record(): void {
  const crossed: unknown[] = [];
  const keep = (message: unknown): void => {
    crossed.push(structuredClone(message));
  };
  Object.assign(globalThis, { crossed });
  const Real = Worker;
  const post = Real.prototype.postMessage;
  Real.prototype.postMessage = function (this: Worker, ...words: unknown[]) {
    keep(words);
    Reflect.apply(post, this, words);
  };
  globalThis.Worker = class extends Real {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", ({ data }) => {
        keep(data);
      });
    }
  };
  new BroadcastChannel("zajil-core:main").onmessage = ({ data }) => {
    keep(data);
  };
}

/** Every leaf of everything that crossed: strings as they are, binary and keys as `binary`. */
async function crossedLeaves(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const leaves: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value === "string") leaves.push(value);
      else if (value === null || typeof value !== "object") return;
      else if (Array.isArray(value)) value.forEach(walk);
      else if (Object.getPrototypeOf(value) !== Object.prototype) leaves.push(`binary ${value.constructor.name}`);
      else
        for (const [name, inner] of Object.entries(value)) {
          leaves.push(`field ${name}`);
          walk(inner);
        }
    };
    walk((globalThis as unknown as { crossed: unknown[] }).crossed);
    return leaves;
  });
}

/** What a script of our origin could open (web.md 4 says so): the secrets of the vault, as hex, to look for elsewhere. */
async function secretsOf(page: Page): Promise<{ secrets: Record<string, string>; extractable: boolean }> {
  return page.evaluate(async () => {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open("zajil-main");
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(new Error("no database"));
    });
    const find = (name: string): Promise<Record<string, unknown>> =>
      new Promise((resolve) => {
        const asked = db.transaction("vault").objectStore("vault").get(name);
        asked.onsuccess = () => resolve(asked.result as Record<string, unknown>);
      });
    interface Wrapped {
      iv: Uint8Array<ArrayBuffer>;
      ct: Uint8Array<ArrayBuffer>;
    }
    const keys = (await find("keys")) as unknown as { kek: CryptoKey; data: Wrapped; index: Wrapped };
    const open = async (name: string, { iv, ct }: Wrapped): Promise<string> => {
      const additionalData = new TextEncoder().encode(`zajil vault v1 ${name}`);
      const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, keys.kek, ct);
      return [...new Uint8Array(opened)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    const seed = (await find("account-seed")) as unknown as Wrapped;
    const device = (await find("device")) as unknown as { sealed: Wrapped };
    const secrets = {
      data: await open("data", keys.data),
      index: await open("index", keys.index),
      seed: await open("account-seed", seed),
      // Of its PKCS #8 (RFC 8410) the end is the key itself.
      device: (await open("device", device.sealed)).slice(-64),
    };
    db.close();
    return { secrets, extractable: keys.kek.extractable };
  });
}

/** How a secret might look in a text. */
function spellings(hex: string): string[] {
  const bytes = Buffer.from(hex, "hex");
  return [hex, hex.toUpperCase(), bytes.toString("base64").replace(/=+$/, ""), bytes.toString("base64url")];
}

test("no key, token or MLS state leaves the worker", async ({ server, browser, member }) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const person = await Person.arrive(browser);
  await person.context.addInitScript(record);
  const tokens = new Set<string>();
  person.context.on("request", (request) => {
    const header = request.headers()["authorization"];
    if (header !== undefined) tokens.add(header.replace(/^\S+ /, ""));
  });
  const anna = new Hands(person.page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  await pia.ask("send", { chat: "Anna", text: "hello Anna" });
  await anna.sees("hello Anna");
  const terminal = member();
  await anna.approveLink(await terminal.ask<string>("link_new", { server: server.url }));
  expect(await terminal.line()).toHaveProperty("ok");
  await anna.makeInvite();
  // A second tab: calls and events now cross between workers too.
  const second = new Hands(await person.tab());
  await second.open(server.url);
  await second.openChat("Pia");
  await second.say("from the follower");
  await anna.openChat("Pia");
  await anna.sees("from the follower");
  await anna.goTo("#/settings/data");
  await expect(anna.see("data-server")).toBeVisible();

  const { secrets, extractable } = await secretsOf(anna.page);
  expect(extractable).toBe(false);
  expect(Object.values(secrets).map((hex) => hex.length)).toEqual([64, 64, 64, 64]);
  expect(tokens.size, "tokens were seen on the wire").toBeGreaterThan(0);
  for (const page of [anna.page, second.page]) {
    const leaves = await crossedLeaves(page);
    const fields = new Set(leaves.filter((leaf) => leaf.startsWith("field ")));
    expect(fields.has("field call")).toBe(true);
    expect(
      leaves.some((leaf) => leaf.includes("hello Anna")),
      "the recording works",
    ).toBe(true);
    expect(leaves.filter((leaf) => leaf.startsWith("binary"))).toEqual([]);
    for (const name of ["seed", "token", "secret", "private", "key_pair", "ratchet", "init_secret", "psk"])
      expect(fields.has(`field ${name}`), name).toBe(false);
    const all = leaves.join("\n");
    for (const [name, hex] of Object.entries(secrets))
      for (const spelling of spellings(hex)) expect(all.includes(spelling), name).toBe(false);
    for (const token of tokens) expect(all.includes(token), "a session token").toBe(false);
  }
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

test("every answer carries the policy; no script of another origin, string or policy starts", async ({
  server,
  browser,
}) => {
  const page = await browser.newPage();
  const answers: { url: string; policy: string; sniff: string }[] = [];
  page.context().on("response", (response) => {
    const headers = response.headers();
    const { pathname } = new URL(response.url());
    answers.push({
      url: pathname,
      policy: headers["content-security-policy"] ?? "",
      sniff: headers["x-content-type-options"] ?? "",
    });
  });
  await page.goto(server.url);
  await expect(page.getByTestId("start")).toBeVisible();
  await page.evaluate(() => navigator.serviceWorker.ready);
  for (const path of [
    "/i",
    "/l",
    "/sw.js",
    "/web-manifest.json",
    "/assets/none.js",
    "/v1/config",
    "/v1/none",
    "/nowhere",
  ])
    await page.evaluate((url) => fetch(url).catch(() => undefined), path);
  expect(answers.length).toBeGreaterThan(10);
  for (const { url, policy, sniff } of answers) {
    expect(sniff, url).toBe("nosniff");
    expect(policy, url).toContain("default-src 'none'");
    expect(policy, url).toContain("frame-ancestors 'none'");
    if (url.startsWith("/v1/")) continue; // never a page: nothing may run there at all
    expect(policy, url).toContain("require-trusted-types-for 'script'");
    expect(policy, url).toContain("trusted-types zajil svelte-trusted-html");
    expect(policy, url).toMatch(/script-src 'self'(;|$)/);
  }
  const refused = await page.evaluate(() => {
    const tries: Record<string, () => unknown> = {
      worker: () => new Worker("./boot.js"),
      html: () => (document.body.innerHTML = "<b>x</b>"),
      write: () => document.write("x"),
      second: () =>
        (globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }).trustedTypes //
          .createPolicy("zajil", {}),
      other: () =>
        (globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }).trustedTypes //
          .createPolicy("mine", {}),
    };
    return Object.entries(tries)
      .filter(([, attempt]) => {
        try {
          attempt();
          return false;
        } catch {
          return true;
        }
      })
      .map(([name]) => name);
  });
  expect(refused).toEqual(["worker", "html", "write", "second", "other"]);
  await page.close();
});

test("verify-web finds one changed byte", async ({ server }) => {
  const verify = (): number | null => spawnSync(...zajil("verify-web", server.url)).status;
  expect(verify()).toBe(0);
  const { url } = server;
  await server.stop();
  const release = new Release(join(server.data, ".."));
  server.env = release.env;
  release.change("boot.js", (text) => text.replace("a", "b"), { honest: false });
  await server.start();
  expect(server.url).toBe(url);
  expect(verify()).toBe(4);
});
