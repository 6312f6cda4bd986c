/** People who call each other without a server: each in a context of a real Chromium, their signals carried by the test. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "@playwright/test";
import type { IceServer } from "../../src/core/callorders.ts";
import type { Drive, Told } from "./drive.ts";
import type { LinkFigures } from "../../src/core/calls/media/measure.ts";
import type { MediaSignal } from "../../src/core/calls/media/shared.ts";
import type { Shown } from "./page.ts";

const WEB = resolve(import.meta.dirname, "../..");
const BUILT = join(WEB, "artifacts/calls");
const TURNSERVER = "/usr/bin/turnserver";

/** Builds the page and serves it; the address is a secure context. */
export async function servePage(): Promise<{ url: string; server: Server }> {
  execFileSync(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--config", "build/calls.config.ts"], {
    cwd: WEB,
  });
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").replace(/^\/$/, "/index.html").split("?")[0] ?? "";
    response.setHeader("content-type", name.endsWith(".js") ? "text/javascript" : "text/html");
    try {
      response.end(readFileSync(join(BUILT, name)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, server };
}

/** Not told of in a story. */
const OFTEN: readonly string[] = ["figures", "measured", "record"];
type Event = { readonly at: number; readonly told: Told };

// Nothing reads it here; bytes would not survive the way through the test.
const CALL = new Uint8Array();

export class Person {
  readonly leaf: number;
  readonly page: Page;
  readonly events: Event[] = [];
  readonly figures = new Map<number, LinkFigures>();
  private readonly context: BrowserContext;
  private waiting: (() => void)[] = [];

  private constructor(leaf: number, context: BrowserContext, page: Page) {
    this.leaf = leaf;
    this.context = context;
    this.page = page;
  }

  /** sabotage: runs in the page before anything else. */
  static async arrive(
    room: Room,
    { leaf, camera, sabotage }: { leaf: number; camera: boolean; sabotage?: (() => void) | undefined },
  ): Promise<Person> {
    const context = await room.browser.newContext({ permissions: ["microphone", "camera"] });
    const page = await context.newPage();
    const person = new Person(leaf, context, page);
    if (sabotage) await page.addInitScript(sabotage);
    await page.exposeFunction("told", (told: Told) => {
      person.hear(room, told);
    });
    await page.goto(room.url);
    await page.evaluate(() => window.call.start());
    await person.drive({
      do: "begin",
      call: CALL,
      me: leaf,
      firstPc: 64,
      video: camera,
      room: room.media !== undefined,
    });
    const refused = await page.evaluate((on) => window.call.open(on), camera);
    if (refused) throw new Error(refused);
    return person;
  }

  private hear(room: Room, told: Told): void {
    this.events.push({ at: performance.now(), told });
    if (told.told === "figures") this.figures.set(told.figures.leaf, told.figures);
    if (told.told === "signal") room.carry(this.leaf, told.signal);
    else if (told.told === "opened") room.media?.come(this, told.way);
    else if (told.told === "closed") room.media?.leave(this, told.way);
    else if (told.told === "record") room.media?.take(this, told.way, Uint8Array.from(told.data));
    for (const wake of this.waiting.splice(0)) wake();
  }

  async drive(order: Exclude<Drive, { do: "key" }>): Promise<void> {
    await this.page.evaluate((one) => window.call.drive(one), order);
  }

  async key(epoch: number, baseKey: Uint8Array, removed = false): Promise<void> {
    const order = { do: "key" as const, epoch, baseKey: [...baseKey], removed };
    await this.page.evaluate((one) => window.call.drive(one), order);
  }

  /** What was told so far, in short. */
  private story(): string {
    const told = this.events.filter(({ told: one }) => !OFTEN.includes(one.told));
    return told
      .map(({ told: one }) => (one.told === "signal" ? `${one.signal.t} to ${one.signal.to}` : JSON.stringify(one)))
      .join(", ");
  }

  /** The first event that fits, from now on or before; rejects after a minute, when something hangs. */
  async until<T>(what: string, find: (events: readonly Event[]) => T | undefined): Promise<T> {
    const ends = performance.now() + 60_000;
    for (;;) {
      const found = find(this.events);
      if (found !== undefined) return found;
      const left = ends - performance.now();
      if (left <= 0) throw new Error(`leaf ${this.leaf}: no ${what}; ${this.story()}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          done();
        });
      });
    }
  }

  /** When a link came up, ms of this process. */
  up(leaf: number, after = 0): Promise<number> {
    return this.until(
      `link with ${leaf}`,
      (events) => events.find(({ at, told }) => at >= after && told.told === "up" && told.leaf === leaf)?.at,
    );
  }

  alarm(): Promise<number> {
    return this.until("alarm", (events) => events.find(({ told }) => told.told === "alarm")?.at);
  }

  /** The figures of a link once they fit. */
  measured(leaf: number, what: string, fits: (figures: LinkFigures) => boolean): Promise<LinkFigures> {
    return this.until(what, () => {
      const figures = this.figures.get(leaf);
      return figures && fits(figures) ? figures : undefined;
    });
  }

  /** So many more measurements of a link, one each half second; answers them. */
  async windows(leaf: number, count: number): Promise<LinkFigures[]> {
    const begin = performance.now();
    return await this.until(`${count} measurements`, () => {
      const found = this.since(leaf, begin);
      return found.length >= count ? found : undefined;
    });
  }

  /** Likewise, with the seconds from the first to the last. */
  async timed(leaf: number, count: number): Promise<{ figures: LinkFigures[]; seconds: number }> {
    const begin = performance.now();
    const figures = await this.windows(leaf, count);
    const told = this.events.filter(({ at, told: one }) => at >= begin && one.told === "figures");
    const at = (found: LinkFigures | undefined): number =>
      told.find(({ told: one }) => one.told === "figures" && one.figures === found)?.at ?? Number.NaN;
    return { figures, seconds: (at(figures.at(-1)) - at(figures[0])) / 1_000 };
  }

  /** When a link went down after a time. */
  down(leaf: number, after: number): Promise<number> {
    return this.until(
      `end of the link with ${leaf}`,
      (events) => events.find(({ at, told }) => at >= after && told.told === "down" && told.leaf === leaf)?.at,
    );
  }

  /** What was measured of a link since a time, oldest first. */
  since(leaf: number, at: number): LinkFigures[] {
    return this.events.flatMap((event) =>
      event.at >= at && event.told.told === "figures" && event.told.figures.leaf === leaf ? [event.told.figures] : [],
    );
  }

  async look(): Promise<Map<number, Shown>> {
    const shown = await this.page.evaluate(() => window.call.look());
    return new Map(shown.map((one) => [one.leaf, one]));
  }

  async leave(): Promise<void> {
    await this.drive({ do: "end" });
    await this.context.close();
  }
}

/** A relay of our own on a free port, reached by this machine's address; undefined where coturn is not installed. */
export async function startRelay(folder: string): Promise<{ relay: Relay; stop(): void } | undefined> {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address;
  if (!existsSync(TURNSERVER) || address === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const words = ["-n", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech", "--user=anna:secret", "--realm=zajil"];
  const places = [`--listening-port=${port}`, `--listening-ip=${address}`, `--relay-ip=${address}`];
  const files = [`--pidfile=${join(folder, "pid")}`, "--log-file=stdout", `--userdb=${join(folder, "db")}`];
  const child = spawn(TURNSERVER, [...words, ...places, ...files], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise<void>((done, fail) => {
    child.once("exit", () => fail(new Error("turnserver ended")));
    child.stdout.on("data", (text: Buffer) => {
      if (/listener opened|Relay address/i.test(text.toString())) done();
    });
  });
  const url = (transport: string): string => `turn:${address}:${port}?transport=${transport}`;
  const relay = (transport: "udp" | "tcp"): IceServer => ({
    ...{ urls: [url(transport)], username: "anna", credential: "secret" },
  });
  return { relay, stop: () => void child.kill("SIGKILL") };
}

export type Relay = (transport: "udp" | "tcp") => IceServer;

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** The server's media room, whose only work is to pass records on; it sees what a server sees. */
export class MediaRoom {
  /** Every record, oldest first, with who sent it. */
  readonly records: { readonly leaf: number; readonly data: Uint8Array }[] = [];
  private readonly ways: { readonly person: Person; readonly way: number }[] = [];

  come(person: Person, way: number): void {
    this.ways.push({ person, way });
    this.say(person, way, [0, 1, this.ways.length]);
  }

  leave(person: Person, way: number): void {
    const at = this.ways.findIndex((one) => one.person === person && one.way === way);
    if (at >= 0) this.ways.splice(at, 1);
  }

  take(person: Person, way: number, data: Uint8Array): void {
    const slot = this.ways.findIndex((one) => one.person === person && one.way === way) + 1;
    if (slot === 0) return;
    this.records.push({ leaf: person.leaf, data });
    for (const other of this.ways) if (other.person !== person) this.say(other.person, other.way, [slot, ...data]);
  }

  /** All connections of a person end. */
  async cut(person: Person, code: number): Promise<void> {
    for (const { way } of this.ways.filter((one) => one.person === person)) {
      this.leave(person, way);
      await person.drive({ do: "cut", way, code });
    }
  }

  private say(person: Person, way: number, data: number[]): void {
    // A context that was closed meanwhile hears nothing any more.
    void person.drive({ do: "record", way, data }).catch(() => undefined);
  }
}

/** Carries the signals. */
export class Room {
  /** Undefined: the server carries no media. */
  media: MediaRoom | undefined;
  readonly browser: Browser;
  readonly url: string;
  readonly people = new Map<number, Person>();
  /** What was carried, oldest first. */
  readonly carried: { from: number; signal: MediaSignal }[] = [];
  servers: readonly IceServer[] = [];
  relayOnly = false;

  constructor(browser: Browser, url: string) {
    this.browser = browser;
    this.url = url;
  }

  carry(from: number, signal: MediaSignal): void {
    this.carried.push({ from, signal });
    // A context that was closed meanwhile hears nothing any more.
    void this.people
      .get(signal.to)
      ?.drive({ do: "hear", leaf: from, signal })
      .catch(() => undefined);
  }

  async join(leaf: number, options: { camera?: boolean; sabotage?: () => void } = {}): Promise<Person> {
    const person = await Person.arrive(this, { leaf, camera: options.camera ?? false, sabotage: options.sabotage });
    this.people.set(leaf, person);
    await person.drive({ do: "relays", servers: this.servers });
    return person;
  }

  /** Opens both links between two people and answers how long both ends took to be up, in ms. */
  async connect(one: Person, other: Person): Promise<number> {
    const begin = performance.now();
    await Promise.all([
      one.drive({ do: "open", leaf: other.leaf, relayOnly: this.relayOnly }),
      other.drive({ do: "open", leaf: one.leaf, relayOnly: this.relayOnly }),
    ]);
    const ups = await Promise.all([one.up(other.leaf, begin), other.up(one.leaf, begin)]);
    return Math.max(...ups) - begin;
  }

  /** A new epoch for these people, as after a commit. */
  async epoch(epoch: number, people: readonly Person[], removed = false): Promise<void> {
    const key = randomBytes(16);
    await Promise.all(people.map((person) => person.key(epoch, key, removed)));
  }

  /** Close the links between two people at both ends. */
  async part(one: Person, other: Person): Promise<void> {
    await one.drive({ do: "close", leaf: other.leaf });
    await other.drive({ do: "close", leaf: one.leaf });
  }

  async end(): Promise<void> {
    await Promise.all([...this.people.values()].map((person) => person.leave().catch(() => undefined)));
    this.people.clear();
  }
}
