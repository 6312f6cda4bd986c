/** People with devices for tests: real cores over stores in memory, moved by hand through a `Service`. */
import { IDBFactory } from "fake-indexeddb";
import { openChain } from "../../protocol/identity/chain.ts";
import { encodeCertificate, encodeList, NO_LIST, signObject, accountIdOf } from "../../protocol/identity/objects.ts";
import { publicKeyOf, randomBytes, signerOf, verify } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import { Core } from "../rules/core.ts";
import { ZajilError } from "../../protocol/errors.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../protocol/limits.ts";
import type { Request } from "../rules/sealing.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Id, Profile, StoredMessage } from "../state/rows.ts";
import type { Told } from "../state/step.ts";
import { openStore, type Hook, type Store } from "../store/index.ts";
import { copyOf } from "./copied.ts";
import "./native-webcrypto.ts";
import "./native-x25519.ts";
import { Service } from "./service.ts";

export const SERVER = "test.example";
const T0_MS = 1_790_000_000_000;

/** One world: its clock, its service, its people. */
export class World {
  time: number;
  readonly service: Service;
  readonly people: Person[] = [];

  constructor(before?: World) {
    const now = () => this.time;
    this.time = before?.time ?? T0_MS;
    this.service = before?.service.copy(now) ?? new Service(now);
  }

  /** A second world in the state of this settled one: each worker begins anew over a copy of its store. */
  async copy(): Promise<World> {
    const made = new World(this);
    for (const person of this.people) await person.copyInto(made);
    await made.settle();
    return made;
  }

  /** A person with one device, known to the service. */
  async person(name: string): Promise<Person> {
    const seed = randomBytes(32);
    const person = await Person.make(this, { name, seed, device: 1 });
    await person.core.step("registered", (step) => chats.openSelfChat(step));
    await this.settle();
    return person;
  }

  /** A further device of somebody, linked as the shell does it. */
  async device(first: Person): Promise<Person> {
    const device = 1 + this.people.filter((one) => one.id === first.id).length;
    const person = await Person.make(this, { name: first.profile.name, seed: first.seed, device, first });
    await first.core.step("own-list", (step) =>
      accounts.learnChain(step, first.id, this.service.lists.get(first.id) ?? []),
    );
    await first.core.step("add-own-device", (step) => chats.addOwnDevice(step, device));
    return person;
  }

  /** Everybody does what there is to do, until nobody has anything left. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      let moved = false;
      for (const person of this.people) if (!person.away && (await person.turn())) moved = true;
      if (!moved) return;
    }
    throw new Error("the world does not settle");
  }

  /** Let time pass, a step at a time, and settle after each. */
  async pass(ms: number, steps = 1): Promise<void> {
    for (let n = 0; n < steps; n++) {
      this.time += ms / steps;
      await this.settle();
    }
  }
}

interface Making {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly device: number;
  readonly first?: Person;
}

/** Fewer than the product's, which take a while to make. */
const SMALL_POOLS = [
  [SUITE_XWING, 3],
  [SUITE_RFC1, 2],
] as const;

/** One device of a person. */
export class Person {
  /** Neither receives nor sends while set. */
  away = false;
  /** What the cores told, newest last. */
  readonly told: Told[] = [];
  /** Called before a request goes out; false loses it, "answer" loses the answer. */
  onRequest: (request: Request) => boolean | "answer" = () => true;
  /** Where a step shall end: see `crashAt`. */
  point: string | undefined;
  /** How often the worker ended. */
  crashes = 0;

  private constructor(
    readonly world: World,
    readonly factory: IDBFactory,
    readonly seed: Uint8Array,
    public store: Store,
    public core: Core,
    public profile: Profile,
  ) {}

  /** HELLOs sent before this worker began: it drains once before it does anything else. */
  private openedAt = 0;

  static async make(world: World, { name, seed, device, first }: Making): Promise<Person> {
    const factory = new IDBFactory();
    const store = await openIn(factory);
    const devicePub = await store.secrets.makeDeviceKey();
    const sign = await signerOf(seed);
    const accountPub = await publicKeyOf(seed);
    const accountId = accountIdOf(accountPub);
    const id = rows.idOf(accountId);
    const lists = world.service.lists.get(id) ?? [];
    const newest = lists.length > 0 ? await openChain(lists, accountId, verify) : undefined;
    const entry = { device_id: device, sig_pub: devicePub, added: 1, role: 0 };
    const list = encodeList({
      account_id: accountId,
      seq: lists.length + 1,
      prev: newest?.hash ?? NO_LIST,
      account_pub: accountPub,
      devices: [...(newest?.list.devices ?? []), entry],
      issued: 1,
    });
    world.service.lists.set(id, [...lists, await signObject("device-list", list, sign)]);
    const certificate = encodeCertificate({
      account_id: accountId,
      account_pub: accountPub,
      device_id: device,
      sig_pub: devicePub,
      list_seq: lists.length + 1,
      issued: 1,
    });
    const profile: Profile = {
      account_id: id,
      account_pub: accountPub,
      device_id: device,
      device_pub: devicePub,
      certificate: await signObject("device-cert", certificate, sign),
      name,
      server: "http://test",
      server_name: SERVER,
      profile_token: first?.profile.profile_token ?? randomBytes(32),
      registered: true,
      registered_at: world.time,
    };
    await store.step("profile", world.time, async (tx) => {
      await rows.saveProfile(tx, profile);
    });
    const core = await Core.open(store, () => world.time);
    const person = new Person(world, factory, seed, store, core, profile);
    person.listen();
    await core.step("own-list", (step) => accounts.learnChain(step, id, world.service.lists.get(id) ?? []));
    world.service.mailbox(id, device);
    world.people.push(person);
    return person;
  }

  /** The same person in a copy of the world. */
  async copyInto(world: World): Promise<void> {
    const factory = copyOf(this.factory);
    const store = await openIn(factory);
    const core = await Core.open(store, () => world.time);
    const person = new Person(world, factory, this.seed, store, core, this.profile);
    await person.begin();
    world.people.push(person);
  }

  get id(): Id {
    return this.profile.account_id;
  }

  get mailbox() {
    return this.world.service.mailbox(this.id, this.profile.device_id);
  }

  private listen(): void {
    this.core.onTold((told) => this.told.push(...told));
  }

  /** The worker ends at once and begins anew over the same store. */
  async restart(): Promise<void> {
    this.store.close();
    this.point = undefined;
    this.store = await openIn(this.factory, (point) => this.reach(point));
    this.core = await Core.open(this.store, () => this.world.time);
    await this.begin();
  }

  private async begin(): Promise<void> {
    this.openedAt = await this.core.look(async (look) => (await look.session()).hellos);
    this.listen();
    await this.core.start();
    await this.core.wantDrain();
  }

  private reach(point: string): void {
    if (this.point !== point) return;
    this.point = undefined;
    this.crashes += 1;
    throw new Crash(point);
  }

  /** The next time a step comes to this point ("seal:before"), the worker ends there. */
  crashAt(point: string): void {
    this.point = point;
  }

  /** Become a contact of another person, as if by his link. */
  async meet(other: Person): Promise<void> {
    await this.core.step("meet", async (step) => {
      await accounts.learnChain(step, other.id, this.world.service.lists.get(other.id) ?? []);
      await accounts.learnLink(step, other.id, other.profile.name, other.profile.profile_token);
    });
  }

  /** Do what there is to do once; whether anything was. A crash restarts the worker. */
  async turn(): Promise<boolean> {
    try {
      const received = await this.receive();
      for (const eph of this.mailbox.whispers.splice(0)) await this.core.takeEphemeral([eph]);
      const called = await this.callService();
      const due = await this.core.nextDeadline();
      if (due !== undefined && due <= this.world.time) await this.core.tick();
      return (await this.send()) || received || called;
    } catch (problem) {
      if (!(problem instanceof Crash)) throw problem;
      await this.restart();
      return true;
    }
  }

  private async receive(): Promise<boolean> {
    const { mailbox } = this;
    if (mailbox.queue.length === 0 && !(await this.core.drainWanted()) && (await this.hasDrained())) return false;
    await this.core.hello();
    const { length } = this.world.service.lists.get(this.id) ?? [];
    const ready = { now: this.world.time, head: mailbox.next - 1, queued: mailbox.queue.length, list_seq: length };
    await this.core.takeReady({ type: "Ready", min_client: 0, acked: mailbox.acked, ...ready });
    while (mailbox.queue.length > 0) {
      const upto = await this.core.takeMessages(mailbox.queue.slice(0, 64));
      mailbox.acked = Math.max(mailbox.acked, upto);
      mailbox.queue = mailbox.queue.filter((message) => message.seq > upto);
      if (await this.core.isLocked()) return false;
    }
    await this.core.takeDrained();
    return true;
  }

  private async hasDrained(): Promise<boolean> {
    const session = await this.core.look((look) => look.session());
    return session.drained > this.openedAt;
  }

  private async callService(): Promise<boolean> {
    const { service } = this.world;
    const all = await this.core.wants();
    let done = false;
    for (const want of all) {
      if (want.want === "create") {
        await this.core.takeCreate(want.n, randomBytes(32), service.ref(this.id, this.profile.device_id));
      } else if (want.want === "claim") {
        const stranger = service.strangers || (want.token === null && want.account !== this.id);
        const ended = want.token !== null && service.ended.has(rows.idOf(want.token));
        if (ended || service.refused.has(want.account)) await this.core.takeRefusal(want, "not-allowed");
        else
          try {
            if (!(await this.core.takeClaim(want, service.claim(want, stranger)))) continue;
          } catch (problem) {
            if (!(problem instanceof ZajilError)) throw problem;
            await this.core.takeRefusal(want, problem.code);
          }
      } else if (want.want === "lists") {
        await this.core.takeLists(want, service.lists.get(want.account) ?? []);
      } else if ("serial" in want) {
        service.turn(want.serial, want.want);
        await this.core.takeDoor(want);
      } else if (want.want === "token") {
        service.puts.push(rows.idOf(want.token));
        await this.core.takeDoor(want);
      } else if (want.want === "link") {
        service.links.push([want.hash, want.uses]);
        await this.core.takeDoor(want);
      } else if (want.want === "ref") {
        await this.core.takeCreate(want.n, new Uint8Array(), service.ref(this.id, this.profile.device_id));
      } else {
        await this.publish();
      }
      done = true;
    }
    return done;
  }

  private async publish(): Promise<void> {
    const { mailbox } = this;
    if (await this.core.poolStale()) {
      mailbox.packages = [];
    }
    const held = SMALL_POOLS.map(([suite]) => {
      const mine = mailbox.packages.filter((one) => one.suite === suite);
      const left = mine.filter((one) => !one.last_resort).length;
      return { suite, left, last_resort: left < mine.length };
    });
    const made = await this.core.makeKeyPackages(held, SMALL_POOLS);
    const renewed = made.filter((one) => one.last_resort).map(({ suite }) => suite);
    mailbox.packages = mailbox.packages.filter((one) => !one.last_resort || !renewed.includes(one.suite));
    mailbox.packages.push(...made);
    await this.core.takePublished();
  }

  /** Send before receiving anything. */
  async sendFirst(): Promise<void> {
    await this.send();
  }

  /** What this device makes reaches the server before it hears anything. */
  async bringOut(): Promise<void> {
    while ((await this.callService()) || (await this.send()));
  }

  private async send(): Promise<boolean> {
    let moved = false;
    for (const request of await this.core.requests()) {
      const fate = this.onRequest(request);
      if (fate === false) continue;
      const answer = this.world.service.take(request.frame);
      moved = true;
      if (fate === "answer") continue;
      const mid = rows.bytesOf(request.mid);
      if (answer.type === "Ok") await this.core.takeOk(mid, answer);
      else await this.core.takeErr(mid, answer);
    }
    return moved;
  }

  // -- what a person sees
  /** Texts of a chat in order, notices left out. */
  async texts(gid: Id): Promise<string[]> {
    return (await this.lines(gid)).filter((line) => line.notice === null).map((line) => line.text);
  }

  async lines(gid: Id): Promise<StoredMessage[]> {
    return this.core.look(async (look) => {
      const found = await look.tx.rows("message", rows.bytesOf(gid));
      return found.map(([, data]) => rows.parseMessage(data));
    });
  }

  chat(gid: Id): Promise<rows.Chat> {
    return this.core.look((look) => look.chat(gid));
  }

  /** The DM with another person. */
  async dmWith(other: Person): Promise<Id> {
    const chat = await this.core.look((look) => chats.findDm(look, other.id));
    if (chat === undefined) throw new Error("no DM");
    return chat.gid;
  }
}

/** The worker ended at a point between two transactions. */
export class Crash extends Error {}

async function openIn(factory: IDBFactory, hook?: Hook): Promise<Store> {
  globalThis.indexedDB = factory;
  const store = await openStore("main", hook === undefined ? {} : { hook });
  await store.takeLead();
  return store;
}
