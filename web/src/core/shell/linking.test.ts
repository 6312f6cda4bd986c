/**
 * Device linking over the real server (service.md 15 point 5): a second reader, codes that expired or are used again,
 * a changed offer, an answer without the secret, an answer for another account, parts that do not fit.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as control from "../../protocol/control.ts";
import * as linking from "../../protocol/identity/linking.ts";
import { encodeLinkCode, type LinkCode, parseLinkCode } from "../../protocol/identity/links.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { randomBytes } from "../crypto.ts";
import { makeSealKeys, sealTo } from "../hpke.ts";
import * as rows from "../state/rows.ts";
import { Client } from "../testing/clients.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import { approve, linkNew, preview } from "./linking.ts";

const server = hasServer ? new ServerProcess() : undefined;
const clients: Client[] = [];

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
});
afterAll(async () => server?.remove());

const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.push(client);
  return client;
}

interface Showing {
  readonly client: Client;
  readonly text: string;
  readonly emoji: readonly string[];
  readonly code: LinkCode;
  readonly linked: Promise<void>;
  readonly stop: AbortController;
}

interface Slow {
  /** The device asks for its answer only after this. */
  readonly until: Promise<void>;
  /** Its clock from then on: milliseconds ahead. */
  readonly ahead: number;
}

/** A new device that shows its code and waits. */
async function show(slow?: Slow): Promise<Showing> {
  const client = await Client.fresh(server?.url ?? "");
  clients.push(client);
  const stop = new AbortController();
  let ahead = 0;
  const real = client.calls.call.bind(client.calls);
  client.calls.call = async (route, parts) => {
    if (slow && (route as unknown) === control.LINK_ANSWER) {
      await slow.until;
      ahead = slow.ahead;
    }
    return real(route, parts);
  };
  return new Promise((resolve, reject) => {
    const linked: Promise<void> = linkNew(client.store, client.calls, {
      server: client.server,
      deviceName: "Laptop",
      now: () => client.now() + ahead,
      signal: stop.signal,
      onApproved: () => undefined,
      // The promise is known by the time the server has taken the offer.
      onCode: (text, emoji) => resolve({ client, text, emoji, code: parseLinkCode(text), linked, stop }),
    });
    linked.catch(reject);
  });
}

async function isEmpty(client: Client): Promise<boolean> {
  const profile = await client.store.look((tx) => rows.findProfile(tx));
  return !profile?.registered;
}

const addrOf = (shown: LinkCode): { addr: string } => ({ addr: encodeB64(shown.addr) });

/** What an attacker who reads the server's memory makes of an offer, or an old device that lies. */
async function answerWith(
  client: Client,
  shown: Showing,
  change: (answer: linking.Answer) => linking.Answer,
): Promise<void> {
  const caught: { sealed?: Uint8Array } = {};
  const real = client.calls.call.bind(client.calls);
  client.calls.call = async (route, parts) => {
    if ((route as unknown) !== control.PUT_LINK_ANSWER) return real(route, parts);
    caught.sealed = parts?.request as Uint8Array;
    return {} as never;
  };
  // A key pair of the attacker's stands in the offer, so that he can open what the honest code would have sealed.
  const keys = await makeSealKeys();
  const offer = await real(control.LINK_OFFER, { parameters: addrOf(shown.code) });
  const parsed = linking.parseOffer(offer);
  const copy = linking.encodeOffer({ ...parsed, hpke_pub: keys.publicKey });
  const addr = randomBytes(16);
  await real(control.PUT_LINK_OFFER, { request: copy, parameters: { addr: encodeB64(addr) } });
  const own = { ...shown.code, addr, offer_hash: linking.hashOffer(copy) };
  await approve(client.core, client.calls, client.tokens, encodeLinkCode(own));
  client.calls.call = real;
  const plain = await keys.open(caught.sealed ?? new Uint8Array(), linking.hpkeInfo(addr));
  const answer = change(linking.parseAnswer(plain, shown.code.secret));
  const request = await sealTo(parsed.hpke_pub, linking.hpkeInfo(shown.code.addr), linking.encodeAnswer(answer));
  await real(control.PUT_LINK_ANSWER, { request, parameters: addrOf(shown.code) });
}

describe.skipIf(!hasServer)("linking over a real server (skipped where zajil is not installed)", () => {
  it("shows the same on both devices, and both then talk", async () => {
    const [amal, omar] = [await person("Amal"), await person("Omar")];
    const gid = await amal.open(omar);
    await omar.until(
      () => omar.chats(),
      (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
    );
    const shown = await show();
    expect(await preview(amal.core, amal.calls, shown.text)).toEqual({
      name: "Laptop",
      platform: "web",
      emoji: shown.emoji,
    });
    expect(await approve(amal.core, amal.calls, amal.tokens, shown.text)).toBe(2);
    amal.runner.wake();
    await shown.linked;
    const laptop = shown.client;
    await laptop.begin();
    const [here, there] = [await laptop.profile(), await amal.profile()];
    expect([here.account_id, here.name, here.device_id]).toEqual([there.account_id, "Amal", 2]);
    await laptop.until(
      () => laptop.chats(),
      (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
    );
    await laptop.say(gid, "from the laptop");
    expect(
      await omar.until(
        () => omar.texts(gid),
        (texts) => texts.length === 1,
      ),
    ).toEqual(["from the laptop"]);
    expect(
      await amal.until(
        () => amal.texts(gid),
        (texts) => texts.length === 1,
      ),
    ).toEqual(["from the laptop"]);
    await expect(show().then(() => linkNew(laptop.store, laptop.calls, {} as never))).rejects.toEqual(
      code("home-exists"),
    );
  });

  it("refuses codes of other servers, unknown places and changed offers, and enrols nobody", async () => {
    const amal = await person("Amal");
    const shown = await show();
    const wrong: [string, LinkCode][] = [
      ["bad-link", { ...shown.code, server_name: "other.example" }],
      ["link-expired", { ...shown.code, addr: randomBytes(16) }],
      ["link-mismatch", { ...shown.code, offer_hash: randomBytes(32) }],
    ];
    for (const [reason, forged] of wrong) {
      await expect(preview(amal.core, amal.calls, encodeLinkCode(forged))).rejects.toEqual(code(reason));
      await expect(approve(amal.core, amal.calls, amal.tokens, encodeLinkCode(forged))).rejects.toEqual(code(reason));
    }
    await expect(preview(amal.core, amal.calls, "https://evil.example/i#AA")).rejects.toEqual(code("bad-link"));
    // Nobody puts another offer where one lies.
    const offer = linking.encodeOffer({
      hpke_pub: randomBytes(1216),
      sig_pub: randomBytes(32),
      name: "x",
      platform: "x",
    });
    const put = amal.calls.call(control.PUT_LINK_OFFER, { request: offer, parameters: addrOf(shown.code) });
    await expect(put).rejects.toEqual(code("not-allowed"));
    expect(await preview(amal.core, amal.calls, shown.text)).toMatchObject({ emoji: shown.emoji });
    shown.stop.abort(new Error("enough"));
    await expect(shown.linked).rejects.toThrow("enough");
    expect(await isEmpty(shown.client)).toBe(true);
  });

  it("a code is good once", async () => {
    const amal = await person("Amal");
    const shown = await show();
    expect(await approve(amal.core, amal.calls, amal.tokens, shown.text)).toBe(2);
    await shown.linked;
    await expect(approve(amal.core, amal.calls, amal.tokens, shown.text)).rejects.toEqual(code("link-expired"));
  });

  it("a second reader who is faster gets nothing he can open, and keeps nobody from it", async () => {
    const amal = await person("Amal");
    let go = (): void => undefined;
    const until = new Promise<void>((resolve) => (go = resolve));
    const shown = await show({ until, ahead: 121_000 });
    await approve(amal.core, amal.calls, amal.tokens, shown.text);
    const stolen = await amal.calls.call(control.LINK_ANSWER, { parameters: addrOf(shown.code) });
    const keys = await makeSealKeys();
    await expect(keys.open(stolen, linking.hpkeInfo(shown.code.addr))).rejects.toEqual(code("link-mismatch"));
    go();
    await shown.linked;
    expect(await isEmpty(shown.client)).toBe(false);
  });

  it("a server that answers itself cannot enrol the device into another account", async () => {
    const mallory = await person("Mallory");
    const shown = await show();
    await answerWith(mallory, shown, (answer) => ({ ...answer, secret: randomBytes(16) }));
    await expect(shown.linked).rejects.toEqual(code("link-mismatch"));
    expect(await isEmpty(shown.client)).toBe(true);
  });

  it.each<[string, (answer: linking.Answer, client: Client) => Partial<linking.Answer>]>([
    ["another seed", () => ({ seed: randomBytes(32) })],
    ["no seed", () => ({ seed: null })],
    ["lists without this device", ({ lists }) => ({ lists: lists.slice(0, 1) })],
    ["no lists", () => ({ lists: [] })],
    ["no profile token", () => ({ contact_token: null })],
    ["a certificate that is none", () => ({ certificate: randomBytes(99) })],
  ])("an answer with %s enrols nobody", async (_, spoil) => {
    const amal = await person("Amal");
    const shown = await show();
    await answerWith(amal, shown, (answer) => ({ ...answer, ...spoil(answer, amal) }));
    await expect(shown.linked).rejects.toBeInstanceOf(Error);
    expect(await isEmpty(shown.client)).toBe(true);
  });

  it("an answer with the old device's certificate enrols nobody", async () => {
    const amal = await person("Amal");
    const { certificate } = await amal.profile();
    const shown = await show();
    await answerWith(amal, shown, (answer) => ({ ...answer, certificate }));
    await expect(shown.linked).rejects.toEqual(code("link-mismatch"));
    expect(await isEmpty(shown.client)).toBe(true);
  });

  it("a code that nobody approves expires after two minutes", async () => {
    const client = await Client.fresh(server?.url ?? "");
    clients.push(client);
    let ahead = 0;
    const linked = linkNew(client.store, client.calls, {
      server: client.server,
      deviceName: "Laptop",
      now: () => client.now() + ahead,
      signal: new AbortController().signal,
      onApproved: () => undefined,
      onCode: () => (ahead = 121_000),
    });
    await expect(linked).rejects.toEqual(code("link-expired"));
    expect(await isEmpty(client)).toBe(true);
  });
});
