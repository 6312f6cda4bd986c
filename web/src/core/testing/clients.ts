/** Whole devices for tests, as the worker puts them together: store in memory, shell, sessions to a real server. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { vi } from "vitest";
import type { Connection as View } from "../api.ts";
import { accountIdOf } from "../../protocol/identity/objects.ts";
import type { WorkProof } from "../../protocol/gate/work.ts";
import { solve } from "../gate/solving.ts";
import * as chats from "../rules/chats.ts";
import { Core } from "../rules/core.ts";
import * as messages from "../rules/messages.ts";
import type { Calls } from "../shell/calls.ts";
import { type Enrolment, fetchConfig, register } from "../shell/enrol.ts";
import { Tokens } from "../shell/login.ts";
import type { Network } from "../shell/network.ts";
import { Runner } from "../shell/runner.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import { parseMemory } from "../../protocol/path/memory.ts";
import { loadNetworks } from "../state/reach.ts";
import { openStore, type Store } from "../store/index.ts";
import { Way } from "../reach/way.ts";
import { parseBase } from "../transports/direct.ts";
import type { OpenSocket } from "../transports/websocket.ts";
import "./native-webcrypto.ts";
import "./native-x25519.ts";
import "./small-pools.ts";
import { NodeSocket } from "./nodesocket.ts";

/** The work of a gate, done for real. */
export const doWork = (challenge: unknown): Promise<WorkProof> =>
  solve(challenge, () => undefined, new AbortController().signal);

const direct: OpenSocket = (url) => new NodeSocket(url);
const PATIENCE = { timeout: 30_000, interval: 20 };

/** A network that a test switches. */
export class TestNetwork implements Network {
  #online = true;
  #listeners = new Set<(online: boolean) => void>();

  online(): boolean {
    return this.#online;
  }

  listen(changed: (online: boolean) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** As when the cable is drawn, or put back. */
  set(online: boolean): void {
    this.#online = online;
    for (const changed of [...this.#listeners]) changed(online);
  }

  /** Who still listens. */
  get listening(): number {
    return this.#listeners.size;
  }
}

/** One browser. Nothing runs before `begin`. */
export class Client implements Enrolment {
  readonly network = new TestNetwork();
  readonly problems: unknown[] = [];
  readonly shown: Partial<View>[] = [];
  #way: Way | undefined;
  #core: Core | undefined;
  #tokens: Tokens | undefined;
  #runner: Runner | undefined;
  minClient = 0;

  private constructor(
    readonly server: string,
    readonly factory: IDBFactory,
    readonly store: Store,
    readonly openSocket: OpenSocket,
  ) {}

  get way(): Way {
    if (!this.#way) throw new Error("not opened");
    return this.#way;
  }

  get calls(): Calls {
    return this.way.calls;
  }

  /** Tell of the way to the server what is new. */
  #note(): void {
    const shown = this.#way?.shown();
    if (shown && JSON.stringify(shown) !== JSON.stringify(this.shown.at(-1))) this.shown.push(shown);
  }

  now(): number {
    return Date.now();
  }

  /** A browser that has never been here. */
  static async fresh(server: string, factory = new IDBFactory(), openSocket: OpenSocket = direct): Promise<Client> {
    globalThis.indexedDB = factory;
    const store = await openStore("main");
    await store.takeLead();
    const client = new Client(server, factory, store, openSocket);
    client.#way = await Way.open({
      store,
      base: parseBase(server),
      now: () => client.now(),
      network: client.network,
      changed: () => client.#note(),
      problem: (problem) => client.problems.push(problem),
      openSocket,
    });
    return client;
  }

  /** A browser with a new account. */
  static async registered(server: string, name: string, openSocket: OpenSocket = direct): Promise<Client> {
    const client = await Client.fresh(server, new IDBFactory(), openSocket);
    await client.way.learn();
    const config = await fetchConfig(client.calls);
    const account = { server, name, invite: null, config, now: () => client.now(), work: doWork };
    await register(client.store, client.calls, account);
    await client.begin();
    return client;
  }

  /** Begin to receive and send. */
  async begin(): Promise<void> {
    this.#core = await Core.open(this.store, () => this.now());
    this.#tokens = new Tokens(this.#core, this.calls);
    this.#runner = new Runner(this.#core, this.calls, this.#tokens, {
      carriers: this.way.carriers,
      session: (state) => this.way.noteSession(state),
      minClient: (version) => (this.minClient = version),
      serverClock: (ms) => this.way.noteOffset(ms - this.now()),
      problem: (problem) => this.problems.push(problem),
      network: this.network,
    });
    this.#runner.start();
    this.way.settle();
  }

  get core(): Core {
    if (!this.#core) throw new Error("not begun");
    return this.#core;
  }

  get tokens(): Tokens {
    if (!this.#tokens) throw new Error("not begun");
    return this.#tokens;
  }

  get runner(): Runner {
    if (!this.#runner) throw new Error("not begun");
    return this.#runner;
  }

  /** Hosts of the ways that won and were kept. */
  async winners(): Promise<string[]> {
    const memory = parseMemory(await this.store.look(loadNetworks));
    const won = [...memory.networks.values()].flatMap((network) => network.winners());
    const endpoints = this.way.documents.endpoints();
    return won.map((id) => endpoints.find((one) => id.startsWith(`${one.id}/`))?.host ?? "own");
  }

  /** As when a person presses "try now". */
  reconnect(): void {
    this.way.carriers.tap();
    this.runner.reconnect();
  }

  /** End the sessions; the store stays. */
  async end(): Promise<void> {
    await this.#runner?.close();
    this.way.close();
  }

  /** End the worker and begin another over the same database. */
  async restart(): Promise<Client> {
    await this.end();
    this.store.close();
    const next = await Client.fresh(this.server, this.factory, this.openSocket);
    await next.begin();
    return next;
  }

  profile(): Promise<rows.Profile> {
    return this.core.look((look) => Promise.resolve(look.profile));
  }

  /** Become a contact of another account and open the chat with it. */
  async open(other: Client): Promise<rows.Id> {
    const { account_id, account_pub, name, profile_token } = await other.profile();
    if (rows.idOf(accountIdOf(account_pub)) !== account_id) throw new Error("account id");
    const list = await other.core.look(async (look) => (await accounts.known(look, account_id)).list_object);
    const gid = await this.core.step("meet", async (step) => {
      await accounts.learnChain(step, account_id, [list]);
      await accounts.learnLink(step, account_id, name, profile_token);
      return chats.openDm(step, account_id);
    });
    this.runner.wake();
    return gid;
  }

  async say(gid: rows.Id, text: string): Promise<rows.Id> {
    const id = await this.core.step("say", (step) => messages.submitText(step, gid, text));
    this.runner.wake();
    return id;
  }

  /** The texts of a chat, oldest first. */
  texts(gid: rows.Id): Promise<string[]> {
    return this.core.look(async (look) => {
      const found = await look.tx.rows("message", rows.bytesOf(gid));
      return found
        .map(([, data]) => rows.parseMessage(data))
        .filter((line) => line.notice === null)
        .map((line) => line.text);
    });
  }

  async chats(): Promise<rows.Chat[]> {
    return this.core.look((look) => rows.allChats(look.tx));
  }

  /** Resolves when it holds; fails after 30 s with what was there instead. */
  until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
    return vi.waitFor(async () => {
      const value = await read();
      if (!holds(value)) throw new Error(`still ${JSON.stringify(value)}; problems: ${String(this.problems)}`);
      return value;
    }, PATIENCE);
  }
}
