/**
 * The origin is blocked and a bridge is not: the installed page starts from its cache, finds the bridge and reaches its
 * chats; a bridge that is pasted opens the way in the middle of a session; an invite with bridges is enough to begin.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "@playwright/test";
import { Hands } from "./acts.ts";
import { CHROMIUM } from "./chromium.ts";
import { Bridge, Edge, freePort, hasEdges, makeCertificates, Wire } from "./edges.ts";
import { expect, ON_THE_SERVER, Person, SdkMember, Server, test as base, textsAt } from "./world.ts";

const ORIGIN = "localhost";
const BRIDGE = "bridge.test";

/** A server behind its own web server, a bridge to it, and a browser that knows both. */
interface Blockable {
  readonly server: Server;
  /** Address of the page. */
  readonly address: string;
  /** The origin's own web server, and the line to it: where either is stopped, the origin is blocked. */
  readonly origin: Edge;
  readonly wire: Wire;
  /** The port behind the line. */
  readonly inner: number;
  /** Prepared, and not started. */
  readonly bridge: Bridge;
  readonly folder: string;
  readonly certificates: string;
  arrive(): Promise<Person>;
  member(): SdkMember;
  /** The operator's invite, and its link below the page's address. */
  invite(uses: number): { invite: string; link: string };
}

const test = base.extend<{ blockable: Blockable }>({
  blockable: async ({}, use, { project }) => {
    const folder = mkdtempSync(join(tmpdir(), "zajil-blocked-"));
    const certificates = join(folder, "certificates");
    const { pin } = makeCertificates(certificates, ORIGIN, BRIDGE);
    const [port, inner] = [await freePort(), await freePort()];
    const address = `https://${ORIGIN}:${String(port)}`;
    const server = new Server(join(folder, "server"));
    mkdirSync(server.data);
    writeFileSync(join(server.data, "zajil.toml"), `origins = ["${address}"]\nbridge_token_age_days = 0\n`);
    await server.start();
    const origin = Edge.before(join(folder, "origin"), certificates, { name: ORIGIN, port: inner, to: server.url });
    await origin.start(inner);
    const wire = new Wire();
    await wire.start(port, inner);
    const bridge = await Bridge.prepare(server, join(folder, "bridge"), certificates, BRIDGE);
    const browser = await launch(project.use.launchOptions?.args ?? [], pin);
    const people: Person[] = [];
    const members: SdkMember[] = [];
    await use({
      ...{ server, address, origin, wire, inner, bridge, folder, certificates },
      async arrive() {
        const person = await Person.arrive(browser);
        people.push(person);
        return person;
      },
      member() {
        const member = new SdkMember(join(folder, `member-${String(members.length)}`));
        members.push(member);
        return member;
      },
      invite(uses) {
        const { invite, link } = server.invite(uses);
        return { invite, link: link.replace(server.url, address) };
      },
    });
    for (const member of members) await member.end();
    const complaints = people.flatMap((person) => person.complaints);
    await browser.close();
    await Promise.all([bridge.stop(), wire.stop(), origin.stop()]);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    expect(complaints, "console errors and CSP reports").toEqual([]);
  },
});

test.skip(!hasEdges, "no nginx: apt-get install nginx-light");

/** A browser that trusts the story's authority and finds the bridge on this machine. */
function launch(args: readonly string[], pin: string): Promise<Browser> {
  return chromium.launch({
    ...CHROMIUM,
    args: [...args, `--ignore-certificate-errors-spki-list=${pin}`, `--host-resolver-rules=MAP ${BRIDGE} 127.0.0.1`],
  });
}

/** Anna in a browser and Pia on the SDK, contacts of each other. */
async function pair({
  server,
  arrive,
  member,
  invite,
}: Blockable): Promise<{ anna: Hands; pia: SdkMember; context: BrowserContext }> {
  const { invite: code, link } = invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite: code });
  const { page, context } = await arrive();
  const anna = new Hands(page);
  // The list comes right after registration.
  const documents = page.waitForResponse(/\/v1\/reach\/docs/);
  await anna.open(link);
  await anna.signUp("Anna");
  expect((await documents).status()).toBe(200);
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  return { anna, pia, context };
}

/** The bridge runs, everybody may know of it, and everybody who asks the server for documents does. */
async function publish({ server, bridge }: Blockable): Promise<void> {
  await bridge.start();
  const printed = server.zajil("admin", "bridges", "list", "--data", server.data, "--json");
  const found = (JSON.parse(printed) as { id: string; host: string }[]).find(({ host }) => host === bridge.name);
  server.zajil("admin", "bridges", "public", found?.id ?? "", "--data", server.data);
  await expect
    .poll(async () => {
      const { list } = (await (await fetch(`${server.url}/v1/reach/docs`)).json()) as { list: string };
      const { payload } = JSON.parse(Buffer.from(list, "base64url").toString()) as { payload: string };
      return Buffer.from(payload, "base64").toString();
    })
    .toContain(bridge.name);
  await bridge.askAgain();
}

const pill = (hands: Hands) => hands.see("route-pill");

test("starts from its cache with the origin blocked, finds the bridge of the list, and reaches its chats", async ({
  blockable,
}) => {
  await publish(blockable);
  const { anna, pia } = await pair(blockable);

  await blockable.origin.stop();
  await anna.page.reload();
  await anna.sees("hello");
  await expect(pill(anna)).toHaveAttribute("data-state", "via", { timeout: 10_000 });
  await expect(pill(anna)).toContainText(BRIDGE);
  await anna.say("over the bridge");
  await expect(anna.state("over the bridge")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("send", { chat: "Anna", text: "heard" });
  await anna.sees("heard");
  expect(await textsAt(pia, "Anna")).toEqual(["hello", "over the bridge", "heard"]);

  // The winner of this network is remembered: the next start takes it at once.
  await anna.page.reload();
  await expect(pill(anna)).toHaveAttribute("data-state", "via", { timeout: 5_000 });
  await anna.say("and again");
  await expect(anna.state("and again")).toHaveAttribute("data-state", ON_THE_SERVER);
});

test("a block in the middle of a session moves it to the bridge, and nothing is lost or doubled", async ({
  blockable,
}) => {
  await publish(blockable);
  const { anna, pia } = await pair(blockable);
  const texts = Array.from({ length: 10 }, (_, n) => `line ${String(n)}`);
  for (const [n, text] of texts.entries()) {
    await anna.say(text);
    if (n === 4) await blockable.origin.stop();
  }
  await expect(anna.state("line 9")).toHaveAttribute("data-state", ON_THE_SERVER);
  await expect(pill(anna)).toHaveAttribute("data-state", "via");
  expect(await textsAt(pia, "Anna")).toEqual(["hello", ...texts]);
});

test("a way that strips upgrades is taken by posts", async ({ blockable }) => {
  await publish(blockable);
  const { anna, pia } = await pair(blockable);
  await blockable.bridge.stripUpgrades();
  await blockable.origin.stop();
  await anna.page.reload();
  await expect(pill(anna)).toHaveAttribute("data-state", "via", { timeout: 15_000 });
  await anna.press("route-pill");
  await expect(anna.page.locator('[data-testid="route"][data-result="chosen"]')).toContainText("poll");
  await anna.press("dialog-close");
  await anna.say("by post");
  await expect(anna.state("by post")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("send", { chat: "Anna", text: "returned" });
  await anna.sees("returned");
});

test("connections that freeze after 16 KB carry talk in segments", async ({ blockable }) => {
  const { anna, pia } = await pair(blockable);
  blockable.wire.freezeBytes = 16_384;
  await anna.page.reload();
  await anna.sees("hello");
  // The way was proved today, so it takes some talk to find out; then an echo decides.
  const long = Array.from({ length: 4 }, (_, n) => `${String(n)} ${"word ".repeat(1200)}end`);
  for (const text of long) await pia.ask("send", { chat: "Anna", text });
  for (const text of ["one", "two", "three"]) await anna.say(text);
  await expect(pill(anna)).toHaveAttribute("data-state", "slow", { timeout: 60_000 });
  await anna.sees("3 word");
  const all = ["hello", ...long, "one", "two", "three"].sort();
  await expect.poll(async () => (await textsAt(pia, "Anna")).sort(), { timeout: 60_000 }).toEqual(all);

  // From now on this network is known: nothing more goes silent.
  const frozen = blockable.wire.frozen;
  expect(frozen).toBeGreaterThan(0);
  await anna.page.reload();
  await expect(pill(anna)).toHaveAttribute("data-state", "slow", { timeout: 10_000 });
  await anna.say("known");
  // Two carriers at most, at a pace: a call after the start may hold the second one for a while.
  await expect(anna.state("known")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 60_000 });
  expect(blockable.wire.frozen, "connections that went silent on a network that is known to freeze them").toBe(frozen);
});

test("a bridge that somebody shares opens the way where nothing passes", async ({ blockable }) => {
  const { anna, pia } = await pair(blockable);
  // The bridge comes later. Omar may give it away; his link is all that reaches Anna.
  await blockable.bridge.start();
  const omar = new Hands((await blockable.arrive()).page);
  await omar.open(blockable.invite(1).link);
  await omar.signUp("Omar");
  await omar.goTo("#/share-bridges");
  await omar.press("bridges-make");
  const link = (await omar.see("bridges-link").textContent()) ?? "";
  expect(link).toContain("/b#");
  await blockable.bridge.askAgain();

  await blockable.origin.stop();
  await anna.page.reload();
  await anna.sees("hello");
  await anna.say("waits");
  await expect(pill(anna)).not.toHaveAttribute("data-state", /direct|via/);
  await anna.goTo("#/b");
  await anna.see("code-field").fill(link.trim());
  await anna.press("code-use");
  await expect(anna.see("bridges-found")).toContainText(BRIDGE);
  await anna.press("bridges-accept");
  await anna.goTo("#/");
  await expect(pill(anna)).toHaveAttribute("data-state", "via", { timeout: 15_000 });
  await anna.openChat("Pia");
  await expect(anna.state("waits")).toHaveAttribute("data-state", ON_THE_SERVER);
  expect(await textsAt(pia, "Anna")).toEqual(["hello", "waits"]);
});

test("an invite with bridges is enough to begin where only the page itself passes", async ({ blockable }) => {
  const { server, folder, certificates, inner, origin, bridge } = blockable;
  await bridge.start();
  const { invite, link } = blockable.invite(2);
  await bridge.askAgain();
  const pia = blockable.member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  // A mirror of the page, say: its files come, and nothing below /v1 does.
  await origin.stop();
  const mirror = Edge.mirror(join(folder, "mirror"), certificates, { name: ORIGIN, port: inner, to: server.url });
  await mirror.start(inner);
  const anna = new Hands((await blockable.arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await expect(pill(anna)).toHaveAttribute("data-state", "via", { timeout: 15_000 });
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("from behind the wall");
  await expect(anna.state("from behind the wall")).toHaveAttribute("data-state", ON_THE_SERVER);
  expect(await textsAt(pia, "Anna")).toEqual(["from behind the wall"]);
  await mirror.stop();
});
