/** Which group may follow another one: what vectors/service/successors.json says is what we judge. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { encodeHex, parseHex } from "../bytes.ts";
import { parseSettings } from "./extensions.ts";
import {
  checkAhead,
  checkBack,
  checkLater,
  checkSuccessor,
  type Held,
  isLate,
  type Made,
  precedes,
  withPredecessor,
} from "./successors.ts";

interface Case {
  readonly about: string;
  readonly held: {
    readonly gid: string;
    readonly epoch: number;
    readonly authenticator: string;
    readonly settings: string;
    readonly accounts: readonly string[];
    readonly left: readonly string[];
    readonly offender: string;
    readonly suite: number;
    readonly passed: readonly (readonly [number, string])[];
  };
  readonly made: {
    readonly settings: string;
    readonly accounts: readonly string[];
    readonly creator: string;
    readonly role: number;
    readonly suite: number;
  };
  readonly reason: number;
  readonly later: number;
  readonly back: number;
  readonly ahead: number;
  readonly late: boolean;
}
const vector = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../../vectors/service/successors.json"), "utf8"),
) as {
  readonly since: number;
  readonly replaced: readonly (readonly [number, string])[];
  readonly cases: readonly Case[];
  readonly refused_settings: readonly { readonly about: string; readonly data: string }[];
  readonly settings: string;
  readonly with_predecessor: string;
};

const parsePassed = ([epoch, secret]: readonly [number, string]) => ({ epoch, authenticator: parseHex(secret) });
const passedOf = ({ held }: Case) => held.passed.map(parsePassed);

function heldOf(one: Case): Held {
  const { held } = one;
  return {
    gid: parseHex(held.gid),
    epoch: held.epoch,
    authenticator: parseHex(held.authenticator),
    settings: parseHex(held.settings),
    accounts: held.accounts.map(parseHex),
    left: held.left.map(parseHex),
    offender: held.offender === "" ? undefined : parseHex(held.offender),
    suite: held.suite,
    passed: passedOf(one),
  };
}

function madeOf({ made }: Case): Made {
  return {
    settings: parseHex(made.settings),
    accounts: made.accounts.map(parseHex),
    creator: parseHex(made.creator),
    role: made.role,
    suite: made.suite,
  };
}

test.each(vector.cases)("who follows whom: $about", (one) => {
  const [held, made] = [heldOf(one), madeOf(one)];
  if (one.reason > 0) expect(checkSuccessor(held, made)).toBe(one.reason);
  else expect(() => checkSuccessor(held, made)).toThrow();
});

test.each(vector.cases)("whom an account follows that was not reached at first: $about", (one) => {
  const [held, made] = [heldOf(one), madeOf(one)];
  if (one.back > 0) expect(checkBack(held, made)).toBe(one.back);
  else expect(() => checkBack(held, made)).toThrow();
});

test.each(vector.cases)("whom a member follows that did not see what the server lost: $about", (one) => {
  const [held, made] = [heldOf(one), madeOf(one)];
  const replaced = vector.replaced.map(parsePassed);
  if (one.ahead > 0) expect(checkAhead(held, made, vector.since, replaced)).toBe(one.ahead);
  else expect(() => checkAhead(held, made, vector.since, replaced)).toThrow();
});

test.each(vector.cases)("whom a device of later follows: $about", (one) => {
  const [held, made] = [heldOf(one), madeOf(one)];
  if (one.later > 0) expect(checkLater(held, made)).toBe(one.later);
  else expect(() => checkLater(held, made)).toThrow();
});

test.each(vector.cases)("what comes after a commit is no chat: $about", (one) => {
  expect(isLate(passedOf(one), madeOf(one).settings)).toBe(one.late);
});

test.each(vector.refused_settings)("a predecessor of another form is refused: $about", ({ data }) => {
  expect(() => parseSettings(parseHex(data))).toThrow(expect.objectContaining({ code: "malformed" }));
});

test("all but the predecessor stays as it is", () => {
  const told = parseSettings(parseHex(vector.with_predecessor)).predecessor;
  if (told === undefined) throw new Error("no predecessor");
  expect(encodeHex(withPredecessor(parseHex(vector.settings), told))).toBe(vector.with_predecessor);
});

test("the lower leaf stays, then the smaller group id", () => {
  const [low, high] = [new Uint8Array(16), new Uint8Array(16).fill(1)];
  expect(precedes({ leaf: 1, gid: high }, { leaf: 2, gid: low })).toBe(true);
  expect(precedes({ leaf: 2, gid: low }, { leaf: 1, gid: high })).toBe(false);
  expect(precedes({ leaf: 1, gid: low }, { leaf: 1, gid: high })).toBe(true);
  expect(precedes({ leaf: 1, gid: high }, { leaf: 1, gid: low })).toBe(false);
});
