/** What every story starts from: a real server in a temporary folder, people in browsers, and members on the Python SDK. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type BrowserContext, type Page, test as base, expect } from "@playwright/test";
import { Hands } from "./acts.ts";
import { BIN, script, zajil } from "./programs.ts";

/** `data-state` of a message that the server has. */
export const ON_THE_SERVER = /sent|delivered|read/;

/** One `zajil serve` process on a port of its own; it can be stopped and started again on the same data and port. */
export class Server {
  readonly data: string;
  port = 0;
  /** More environment for the process: a copy of the package, for instance. */
  env: Record<string, string> = {};
  private child: ChildProcessWithoutNullStreams | undefined;

  constructor(data: string) {
    this.data = data;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const words = ["serve", "--dev", "--data", this.data, "--port", String(this.port)];
    // Another copy of the package is another program.
    const [file, rest] = "PYTHONPATH" in this.env ? [join(BIN, "zajil"), words] : zajil(...words);
    const child = spawn(file, rest, { env: { ...process.env, ...this.env } });
    this.child = child;
    child.stderr.resume();
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /listening on http:\/\/\S+:(\d+)/.exec(line);
      if (found) {
        this.port = Number(found[1]);
        child.stdout.resume();
        return;
      }
    }
    throw new Error("the server ended before it listened");
  }

  /** SIGTERM (drain) or SIGKILL, and wait for the end. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    // What is killed ends with its output: a fork of the fork server does so a moment after the child that stands for it.
    const ended = new Promise((done) => child.once(signal === "SIGKILL" ? "close" : "exit", done));
    child.stdout.resume();
    child.kill(signal);
    await ended;
  }

  /** The operator's invite: a code, and the link that carries it. */
  invite(uses = 1): { invite: string; link: string } {
    const words = ["--uses", String(uses), "--link", "--front", this.url, "--json"];
    return JSON.parse(this.zajil("admin", "invite", "--data", this.data, ...words)) as { invite: string; link: string };
  }

  /** What a statement on the server's own database answers, as rows. */
  sql<Row = Record<string, unknown>>(statement: string, ...values: (string | number)[]): Row[] {
    const script =
      "import json, sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=20); db.row_factory = sqlite3.Row; " +
      "rows = [{k: v.hex() if isinstance(v, bytes) else v for k, v in dict(r).items()} " +
      "for r in db.execute(sys.argv[2], json.loads(sys.argv[3]))]; db.commit(); print(json.dumps(rows))";
    const words = ["-c", script, join(this.data, "zajil.db"), statement, JSON.stringify(values)];
    return JSON.parse(execFileSync(join(BIN, "python"), words).toString()) as Row[];
  }

  /** Run `zajil` beside the server. */
  zajil(...words: string[]): string {
    return execFileSync(...zajil(...words)).toString();
  }
}

/** A member on the Python SDK, see sdk_member.py. */
export class SdkMember {
  readonly home: string;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly answers: AsyncIterator<string>;

  constructor(home: string) {
    this.home = home;
    this.child = spawn(...script(join(import.meta.dirname, "sdk_member.py"), home));
    this.child.stderr.pipe(process.stderr);
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** The answer of one operation. Throws its error code. */
  async ask<T = unknown>(op: string, values: Record<string, unknown> = {}): Promise<T> {
    this.child.stdin.write(`${JSON.stringify({ op, ...values })}\n`);
    const answer = await this.line();
    if ("error" in answer) throw new Error(answer.error);
    return ("code" in answer ? answer.code : answer.ok) as T; // each story knows what it asked for
  }

  /** The next line: the end of an operation that answered twice (`link_new`). */
  async line(): Promise<{ ok?: unknown; code?: string } | { error: string }> {
    const { value, done } = await this.answers.next();
    if (done === true) throw new Error("the member ended");
    return JSON.parse(value) as { ok?: unknown };
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.stdin.end();
    // One that still waits for a link's answer would do so for two minutes.
    const patience = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(patience);
  }
}

/** A person in a browser context of their own. Every console error and CSP report is kept and fails the story. */
export class Person {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    this.watch(page);
  }

  static async arrive(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Person> {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    return new Person(context, await context.newPage());
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Page> {
    const page = await this.context.newPage();
    this.watch(page);
    return page;
  }

  private watch(page: Page): void {
    page.on("console", (message) => {
      // A server that is away, or plain HTTP, makes the browser itself complain; that is no fault of the page.
      if (
        message.type() === "error" &&
        !/ERR_CONNECTION|ERR_INTERNET|WebSocket connection|Failed to load resource|error occurred when fetching the script|Opener-Policy header has been ignored/.test(
          message.text(),
        )
      )
        this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }
}

interface World {
  /** Lines of the server's zajil.toml. */
  settings: string;
  server: Server;
  arrive(options?: Parameters<Browser["newContext"]>[0]): Promise<Person>;
  /** A new member; home: that of one who ended, to be opened again. */
  member(home?: string): SdkMember;
  /** Anna in a browser and Pia on the SDK, contacts of each other; the browser shows their chat. */
  pair(): Promise<{ anna: Hands; browser: Person; pia: SdkMember }>;
}

export const test = base.extend<World>({
  settings: ["", { option: true }],
  server: async ({ settings }, use) => {
    const folder = mkdtempSync(join(tmpdir(), "zajil-e2e-"));
    const server = new Server(join(folder, "server"));
    if (settings !== "") {
      mkdirSync(server.data);
      writeFileSync(join(server.data, "zajil.toml"), settings);
    }
    await server.start();
    await use(server);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  },
  arrive: async ({ browser }, use) => {
    const people: Person[] = [];
    await use(async (options) => {
      const person = await Person.arrive(browser, options);
      people.push(person);
      return person;
    });
    const complaints = people.flatMap((person) => person.complaints);
    for (const person of people) await person.context.close();
    expect(complaints, "console errors and CSP reports").toEqual([]);
  },
  member: async ({ server }, use) => {
    const members: SdkMember[] = [];
    await use((home) => {
      const member = new SdkMember(home ?? join(server.data, "..", `member-${members.length}`));
      members.push(member);
      return member;
    });
    for (const member of members) await member.end();
  },
  pair: async ({ server, arrive, member }, use) => {
    await use(async () => {
      // Python begins while the invite is made.
      const pia = member();
      const { invite, link } = server.invite(2);
      const registered = pia.ask("register", { server: server.url, name: "Pia", invite });
      const browser = await arrive();
      const anna = new Hands(browser.page);
      const signedUp = anna.open(link).then(() => anna.signUp("Anna"));
      await Promise.all([registered, signedUp]);
      await anna.addPerson(await pia.ask<string>("contact_link"));
      await anna.say("hello");
      await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
      await pia.ask("sync");
      return { anna, browser, pia };
    });
  },
});

/** Texts of a chat as a member reads them, notices left out. */
export async function textsAt(member: SdkMember, chat: string): Promise<string[]> {
  // A member whose server was just away tries again after a pause.
  await expect.poll(() => member.ask("sync").then(() => "through", String), { timeout: 60_000 }).toBe("through");
  const read = await member.ask<{ text: string | null }[]>("read", { chat });
  return read.flatMap(({ text }) => (text === null || text === "" ? [] : [text]));
}

export { expect };
