/** Control calls the core wants, against a server that refuses, limits, forgets tokens or is not there. */
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import { ZajilError } from "../../protocol/errors.ts";
import * as chats from "../rules/chats.ts";
import { type Person, World } from "../testing/people.ts";
import type { Answer, Call } from "../transports/base.ts";
import { DialError } from "../transports/base.ts";
import { Calls } from "./calls.ts";
import { Errands } from "./errands.ts";
import { Tokens } from "./login.ts";

let anna: Person;
let answer: (call: Call) => Answer | Error | Promise<Answer>;
let problems: string[];
let made: Call[];
let errands: Errands;

const said = (status: number, value: object): Answer => ({
  status,
  body: new TextEncoder().encode(JSON.stringify(value)),
});
const problem = (status: number, code: string, retry_ms?: number): Answer => said(status, { code, retry_ms });
const TOKEN = "A".repeat(43);

beforeEach(async () => {
  const world = new World();
  anna = await world.person("Anna");
  await anna.core.step("token", async (step) => {
    await step.changeSession({ token: TOKEN, token_expires: 2 ** 40 });
  });
  problems = [];
  made = [];
  const transport = {
    call(call: Call): Promise<Answer> {
      made.push(call);
      const found = answer(call);
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    },
  };
  const calls = new Calls(transport);
  const note = (thing: unknown): void => void problems.push(thing instanceof ZajilError ? thing.code : String(thing));
  errands = new Errands(anna.core, calls, new Tokens(anna.core, calls), note);
  await anna.core.step("group", (step) => chats.openGroup(step, "Trip", []));
});

const stillWanted = async (): Promise<number> => (await anna.core.wants()).length;

describe("a wanted call", () => {
  it("that is answered is not wanted any more", async () => {
    answer = ({ path }) => said(200, path.endsWith("/passes") ? { passes: [TOKEN] } : { refs: ["A".repeat(72)] });
    expect(await errands.run()).toBe(true);
    expect(made.map(({ path, headers }) => [path, headers["Authorization"]])).toEqual([
      ["/v1/passes", `Device ${TOKEN}`],
      ["/v1/mailbox/refs", `Device ${TOKEN}`],
    ]);
    expect([await stillWanted(), problems, errands.nextDeadline()]).toEqual([0, [], undefined]);
  });

  it("without a server is put off and told, and made at once after `reconnect`", async () => {
    answer = () => new DialError("http", "unreachable");
    expect(await errands.run()).toBe(false);
    expect(await errands.run()).toBe(false);
    expect([made.length, problems]).toEqual([1, ["unreachable"]]);
    expect(errands.nextDeadline()).toBeGreaterThan(0);
    errands.reconnect();
    await errands.run();
    expect([made.length, await stillWanted()]).toEqual([2, 1]);
  });

  it("that is limited waits as long as the server says, and people hear of it where that is long", async () => {
    answer = () => problem(429, "slow-down", 50);
    await errands.run();
    expect(problems).toEqual([]);
    errands.reconnect();
    answer = () => problem(429, "quota", 60_000);
    await errands.run();
    await errands.run();
    expect([made.length, problems, await stillWanted()]).toEqual([2, ["quota"], 1]);
  });

  it("that is refused for good fails its item, once", async () => {
    answer = () => problem(403, "suspended");
    await errands.run();
    expect([made.length, await stillWanted()]).toEqual([1, 0]);
  });

  it("with a token that ended takes another one, and only a second refusal counts", async () => {
    answer = () => problem(401, "token-expired");
    await errands.run();
    expect((await anna.core.look((look) => look.session())).token).toBe("");
    expect(await stillWanted()).toBe(1);
    errands.reconnect();
    await errands.run();
    expect(made.map(({ path }) => path)).toEqual(["/v1/passes", "/v1/auth/challenge"]);
    expect(await stillWanted()).toBe(0);
  });

  it("whose refusal comes late leaves the token that was taken since", async () => {
    const newer = "B".repeat(43);
    answer = async () => {
      await anna.core.step("token", (step) => step.changeSession({ token: newer, token_expires: 2 ** 40 }));
      return problem(401, "token-expired");
    };
    await errands.run();
    expect(made.map(({ headers }) => headers["Authorization"])).toEqual([`Device ${TOKEN}`]);
    expect((await anna.core.look((look) => look.session())).token).toBe(newer);
  });

  it("of a revoked device fails nothing: the device is told", async () => {
    answer = () => problem(401, "device-revoked");
    await errands.run();
    expect([problems, await stillWanted()]).toEqual([["device-revoked"], 1]);
  });
});
