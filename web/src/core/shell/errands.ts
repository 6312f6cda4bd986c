/** Carries out the control calls the core wants, and hands it the answers; twin of zajil.client.shell.errands. */
import { sha256 } from "@noble/hashes/sha2.js";
import * as control from "../../protocol/control.ts";
import { AuthError, error, Limited, Unavailable, ZajilError } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { randomBytes } from "../crypto.ts";
import type { Core } from "../rules/core.ts";
import { POOLS } from "../rules/keypackages.ts";
import {
  nameOfWant,
  type Want,
  type WantClaim,
  type WantCreate,
  type WantLists,
  type WantMind,
} from "../rules/wants.ts";
import { bytesOf } from "../state/rows.ts";
import { type Calls, contactAuth, deviceAuth } from "./calls.ts";
import { steady } from "./connection.ts";
import type { Tokens } from "./login.ts";

/**
 * After each claim that came back empty: a device that was just linked needs a minute to publish on a bad line, and
 * every claim counts towards an allowance of 20, and one more a minute.
 */
const CLAIM_PAUSES_S = [0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300];
/** A caller waits that long for an allowance to come back; beyond it, he is told. */
const PATIENCE_S = 5;
const RETRY_S = [1, 2, 4, 8, 16, 30, 60];

/** One call at a time. A call that could not be made is made again after a pause; a refused one fails its item. */
export class Errands {
  readonly #core: Core;
  readonly #calls: Calls;
  readonly #tokens: Tokens;
  readonly #problem: (problem: unknown) => void;
  #notBefore = new Map<string, number>();
  #failures = new Map<string, number>();
  /** Of devices that had no packages yet: how often in a row. */
  readonly #empty = new Map<string, number>();
  /** The token of the call that is being made; empty for one without. */
  #worn = "";

  constructor(core: Core, calls: Calls, tokens: Tokens, problem: (problem: unknown) => void) {
    this.#core = core;
    this.#calls = calls;
    this.#tokens = tokens;
    this.#problem = problem;
  }

  /** Make the calls that are wanted and not put off. True when it made any that was answered. */
  async run(): Promise<boolean> {
    let answered = false;
    for (const want of await this.#core.wants()) {
      const name = nameOfWant(want);
      // What one claim found empty is empty for every other item too.
      const due = [name, ...(want.want === "claim" ? [whoseOf(want)] : [])].map((one) => this.#notBefore.get(one) ?? 0);
      if (Math.max(...due) > steady()) continue;
      answered = (await this.#attempt(want, name)) || answered;
    }
    return answered;
  }

  /** Seconds, by the steady clock, at which something that was put off is due; undefined when nothing is. */
  nextDeadline(): number | undefined {
    const due = [...this.#notBefore.values()].filter((at) => at > steady());
    return due.length > 0 ? Math.min(...due) : undefined;
  }

  /** Forget what was put off for want of a server: there may be one again. */
  reconnect(): void {
    this.#notBefore.clear();
  }

  async #attempt(want: Want, name: string): Promise<boolean> {
    this.#worn = "";
    try {
      await this.#make(want);
      this.#failures.delete(name);
      return true;
    } catch (problem) {
      if (!(problem instanceof ZajilError)) throw problem;
      if (problem instanceof Limited || problem instanceof Unavailable) {
        const pause = this.#putOff(name, problem.retryMs ?? 0);
        if (problem instanceof Unavailable || pause > PATIENCE_S) this.#problem(problem);
      } else if (problem instanceof AuthError) {
        await this.#refusedLogin(want, name, problem);
      } else {
        this.#putOff(name, 0);
        await this.#core.takeRefusal(want, problem.code);
      }
      return false;
    }
  }

  /** Seconds until the next try: what the server says, else longer each time. A want may outlive its refusal. */
  #putOff(name: string, retryMs: number): number {
    const failures = (this.#failures.get(name) ?? 0) + 1;
    this.#failures.set(name, failures);
    const pause = retryMs / 1000 || (RETRY_S[Math.min(failures, RETRY_S.length) - 1] ?? 60);
    this.#notBefore.set(name, steady() + pause);
    return pause;
  }

  /** A token that ended is taken anew once; a second refusal in a row counts. */
  async #refusedLogin(want: Want, name: string, problem: AuthError): Promise<void> {
    if (problem.code === "device-revoked") return this.#problem(problem);
    await this.#tokens.forget(this.#worn);
    if (!this.#failures.has(name)) {
      this.#failures.set(name, 1);
      this.#notBefore.set(name, steady() + 0.1);
      return;
    }
    this.#putOff(name, 0);
    await this.#core.takeRefusal(want, problem.code);
  }

  async #token(): Promise<string> {
    return (this.#worn = await this.#tokens.token());
  }

  async #auth(): Promise<string> {
    return deviceAuth(await this.#token());
  }

  async #make(want: Want): Promise<void> {
    switch (want.want) {
      case "create":
        return this.#create(want);
      case "ref":
        return this.#core.takeCreate(want.n, new Uint8Array(), await this.#ref(await this.#auth()));
      case "claim":
        return this.#claim(want);
      case "lists":
        return this.#lists(want);
      case "key-packages":
        return this.#publish();
      case "own-lists":
        return (await import("./lostlists.ts")).bringLists(this.#core, this.#calls, await this.#token());
      case "deny":
      case "allow":
      case "token":
      case "link":
        return this.#mind(want);
    }
  }

  /** Tell the server who reaches us. */
  async #mind(want: WantMind): Promise<void> {
    const auth = await this.#auth();
    if (want.want === "token") {
      const hash = encodeB64(sha256(want.token));
      await this.#calls.call(control.PUT_CONTACT_TOKEN, { auth, request: { kind: "profile" }, parameters: { hash } });
    } else if (want.want === "link") {
      const request = { kind: "invite", uses: want.uses, expires: want.expires };
      await this.#calls.call(control.PUT_CONTACT_TOKEN, { auth, request, parameters: { hash: want.hash } });
    } else {
      const route = want.want === "deny" ? control.DENY_REF : control.ALLOW_REF;
      await this.#calls.call(route, { auth, parameters: { serial: want.serial } });
    }
    await this.#core.takeDoor(want);
  }

  async #create(want: WantCreate): Promise<void> {
    const auth = await this.#auth();
    const { passes } = await this.#calls.call(control.TAKE_PASSES, { auth, request: { kind: "group", n: 1 } });
    const [pass] = passes;
    if (!pass) throw error("malformed", "no pass");
    await this.#core.takeCreate(want.n, pass, await this.#ref(auth));
  }

  /** A fresh reference to our own mailbox. */
  async #ref(auth: string): Promise<Uint8Array> {
    const { refs } = await this.#calls.call(control.TAKE_REFS, { auth, request: { n: 1 } });
    const [ref] = refs;
    if (!ref) throw error("malformed", "no reference");
    return ref;
  }

  async #claim(want: WantClaim): Promise<void> {
    const auth = want.token === null ? await this.#auth() : contactAuth(want.token);
    const devices = want.devices === null ? {} : { devices: want.devices };
    const request = { account_id: bytesOf(want.account), suites: want.suites, claim_id: want.claimId, ...devices };
    const answer = await this.#calls.call(control.CLAIM_KEY_PACKAGES, { auth, request });
    const whose = whoseOf(want);
    if (await this.#core.takeClaim(want, answer)) {
      this.#empty.delete(whose);
      return;
    }
    const times = this.#empty.get(whose) ?? 0;
    this.#empty.set(whose, times + 1);
    this.#notBefore.set(whose, steady() + (CLAIM_PAUSES_S[Math.min(times, CLAIM_PAUSES_S.length - 1)] ?? 0));
  }

  async #lists(want: WantLists): Promise<void> {
    const auth = want.token === null ? await this.#auth() : contactAuth(want.token);
    const parameters = { account: want.account };
    const answer = await this.#calls.call(control.DEVICE_LISTS, { auth, query: "?from=1", parameters });
    await this.#core.takeLists(want, answer.lists);
  }

  /** Claim our own packages until only the last resort is left: their secrets are gone. */
  async #emptyPool(auth: string): Promise<void> {
    const { account_id, device_id } = await this.#core.look((look) => Promise.resolve(look.profile));
    for (const [suite, size] of POOLS) {
      let left = size + 1;
      for (let emptied = false; !emptied; left--) {
        if (left === 0) throw error("malformed", "more packages than were published");
        const request = {
          account_id: bytesOf(account_id),
          suites: [suite],
          claim_id: randomBytes(16),
          devices: [device_id],
        };
        const { clients } = await this.#calls.call(control.CLAIM_KEY_PACKAGES, { auth, request });
        emptied = clients.every((client) => client.last_resort);
      }
    }
  }

  async #publish(): Promise<void> {
    const auth = await this.#auth();
    if (await this.#core.poolStale()) await this.#emptyPool(auth);
    const { counts } = await this.#calls.call(control.COUNT_KEY_PACKAGES, { auth });
    const packages = await this.#core.makeKeyPackages(counts);
    const request = {
      packages: packages.map(({ suite, body, expires, last_resort }) => ({ suite, body, expires, last_resort })),
    };
    if (packages.length > 0) await this.#calls.call(control.PUT_KEY_PACKAGES, { auth, request });
    await this.#core.takePublished();
  }
}

const whoseOf = ({ account, devices }: WantClaim): string => `packages ${account} ${String(devices)}`;
