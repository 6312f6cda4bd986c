/**
 * Every parser of the core takes what a hostile peer or server can send: valid examples with seeded edits, and long or
 * deep ones, end in a value or in an error of ours, never in another exception; soon, and without taking memory that
 * was only announced. Those of `protocol` have fuzz.test.ts; the doors to the network among them are here for their
 * time and memory. ZAJIL_LONG=1 makes a hundred times as many edits.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import sframe from "../../../vectors/calls/sframe.json";
import signals from "../../../vectors/calls/signals.json";
import refused from "../../../vectors/mls/refused.json";
import ours from "../../../vectors/mls/zajil-x25519.json";
import xwing from "../../../vectors/mls/zajil-xwing.json";
import roster from "../../../vectors/service/roster.json";
import content from "../../../vectors/service/content.json";
import frames from "../../../vectors/service/frames.json";
import links from "../../../vectors/service/links.json";
import session from "../../../vectors/service/session.json";
import signed from "../../../vectors/signed.json";
import { concat, encodeText, parseHex, parseText } from "../protocol/bytes.ts";
import { checkSdp, findType, hideAddresses } from "../protocol/calls/sdp.ts";
import * as cbor from "../protocol/cbor.ts";
import { parseContent } from "../protocol/chat/content.ts";
import { parseMentions } from "../protocol/chat/mentions.ts";
import { ZajilError } from "../protocol/errors.ts";
import { parseRServer, parseSServer } from "../protocol/frames.ts";
import { parseContactLink } from "../protocol/identity/links.ts";
import { parseBridgeLink } from "../protocol/reach/endpoints.ts";
import { pad } from "../protocol/records.ts";
import { numbers } from "../protocol/seeded.ts";
import { parseRecord } from "../protocol/session/wire.ts";
import { encodeKept, parseKept } from "./calls/record.ts";
import { decodeRelays } from "./calls/relays.ts";
import { FrameRefused, parseHeader } from "./calls/sframe.ts";
import { openRoster } from "./crypto.ts";
import { parseMessage } from "./mls/codec.ts";
import { parseKeyPackage, parseSecrets } from "./mls/keypackages.ts";
import { MlsError } from "./mls/mls.ts";
import { parseTree } from "./mls/rules/trees.ts";
import { parseGroupContext, parseProposal } from "./mls/tests/strictly.ts";
import { checkList, followRoots, parseRootAnswer } from "./reach/signed.ts";
import { parseBase, readBody } from "./transports/direct.ts";

const AT_LENGTH = process.env["ZAJIL_LONG"] === "1";
/** Edits of all examples of a target together. */
const RUNS = AT_LENGTH ? 60_000 : 600;
/** Of the processor, for one input: a machine that others keep busy takes longer by the clock. */
const MOST_MS = AT_LENGTH ? 5_000 : 1_000;
/** What one call may add to what the process holds, before anything is collected. */
const MOST_BYTES = 256 << 20;
/** At length as much as a frame may hold. */
const LONG = AT_LENGTH ? 1 << 20 : 1 << 16;

function repeated(bytes: readonly number[], length: number): Uint8Array {
  const out = new Uint8Array(length).fill(bytes[0] ?? 0);
  if (bytes.length > 1) for (let at = 0; at < length; at++) out[at] = bytes[at % bytes.length] ?? 0;
  return out;
}
/** Lengths at their ends, heads of CBOR and MessagePack, pieces of JSON and text. */
const TOKENS: readonly Uint8Array[] = [
  ...[[0], [0xff], [0x7f, 0xff], [0x80], [0xc0, 0], [0xf6], [0xfb], [0x9f], [0xdf], [0xff, 0xff, 0xff, 0xff]],
  ...[
    [0x9b, ...Array<number>(8).fill(0xff)],
    [0x5b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    [0xdd, 0x7f, 0xff, 0xff, 0xff],
  ],
  ...[
    [0xc6, 0x7f, 0xff, 0xff, 0xff],
    [0xbf, 0xff, 0xff, 0xff],
    [0x80, 0x80, 0, 0],
  ],
]
  .map((bytes): Uint8Array => Uint8Array.from(bytes))
  .concat(
    [...'{["=%', "null", "\\u0000", "-1", "1e999", "0".repeat(30), "\r\n", "\u0661"].map(encodeText),
    [0x5b, 0x81, 0x91].map((byte) => repeated([byte], 2_000)),
  );

type Random = ReturnType<typeof numbers>;
const one = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;

/** A copy with bits flipped, bytes overwritten, pieces repeated, cut out, put in or taken from another example. */
function edited(examples: readonly Uint8Array[], random: Random): Uint8Array {
  let data = Uint8Array.from(one(random, examples));
  for (let edit = one(random, [1, 1, 1, 2, 4, 8]); edit > 0; edit--) {
    const [at, length] = [random(data.length + 1), one(random, [1, 1, 2, 4, 8, 32])];
    const put = (bytes: Uint8Array, over: number): void => {
      data = Uint8Array.from(concat(data.subarray(0, at), bytes, data.subarray(at + over)));
    };
    const kind = random(7);
    if (kind === 0 && at < data.length) data[at] = (data[at] ?? 0) ^ (1 << random(8));
    else if (kind === 1)
      put(
        Uint8Array.from({ length }, () => random(256)),
        length,
      );
    else if (kind === 2) put(new Uint8Array(), length);
    else if (kind === 3) put(data.slice(at, at + length), 0);
    else if (kind === 4) put(one(random, TOKENS), one(random, [0, 1, length]));
    else if (kind === 5) {
      const other = one(random, examples);
      const begin = random(other.length + 1);
      put(other.slice(begin, begin + length), length);
    } else if (at < data.length) data[at] = ((data[at] ?? 0) + one(random, [1, 255, 16, 240])) % 256;
  }
  return data;
}

/** Heads of a list or a string of so many bytes, and no head: of MLS, CBOR and MessagePack. */
const HEADS = [[], [0x80 | (LONG >> 24), LONG >> 16, 0, 0], [0x9a, 0, LONG >> 16, 0, 0], [0x7a, 0, LONG >> 16, 0, 0]]
  .concat([[0xdd, 0, LONG >> 16, 0, 0]])
  .map((bytes) => Uint8Array.from(bytes));
const FILLED = [[0], [1], [0x20], [0x5b], [0x61], [0x81], [0x91], [0xc0], [0xff], [0x0d, 0x0a], [0x5b, 0x40]].map(
  (bytes) => repeated(bytes, LONG),
);
/** Long lists of little, deep nestings and long words, alone and in the middle of an example. */
function* swollen(example: Uint8Array): Generator<Uint8Array> {
  const middle = example.length >> 1;
  for (const filled of FILLED) {
    for (const head of HEADS) yield concat(head, filled);
    yield concat(example.subarray(0, middle), filled, example.subarray(middle));
    yield concat(example, filled);
  }
}

interface Target {
  readonly parse: (data: Uint8Array) => unknown;
  readonly examples: readonly Uint8Array[];
  /** Takes whatever is given: `null` or the like is its refusal. */
  readonly lenient?: true;
}

const hexes = (list: readonly string[]): Uint8Array[] => list.map(parseHex);
const texts = (list: readonly string[]): Uint8Array[] => list.map(encodeText);
/** A parser of text, of bytes that may be no UTF-8. */
const ofText =
  (parse: (text: string) => unknown) =>
  (data: Uint8Array): unknown =>
    parse(new TextDecoder().decode(data));
const messages = [
  ...[ours, xwing].flatMap(({ key_package, welcome, steps }) => [
    key_package,
    welcome,
    ...steps.map((step) => step.message),
  ]),
  ...refused.received.slice(0, 40).map(({ message }) => message),
].filter((message) => message.length < 40_000);
const states = Object.values(refused.states as unknown as Record<string, { tree: string; context: string }>);
const proposals = Object.values(
  refused.states as unknown as Record<string, { proposals: readonly (readonly [string, number, string])[] }>,
).flatMap((state) => state.proposals.map(([, , proposal]) => proposal));
const kept = encodeKept({
  gid: new Uint8Array(16).fill(1),
  record: {
    call: new Uint8Array(16),
    secret: new Uint8Array(32),
    kind: "audio",
    caller: true,
    since: 1,
    leaves: [1, 2],
    mic: true,
  },
  nextCtx: 5,
  lastSeen: 7,
});
const ROOTS = signed.roots.map(encodeText);

const TARGETS: Readonly<Record<string, Target>> = {
  "MLS message": { parse: parseMessage, examples: hexes(messages) },
  "key package": { parse: parseKeyPackage, examples: hexes([ours.key_package, xwing.key_package]) },
  "ratchet tree": { parse: parseTree, examples: hexes(states.map(({ tree }) => tree)) },
  proposal: { parse: parseProposal, examples: hexes(proposals) },
  "group context": {
    parse: parseGroupContext,
    examples: hexes(states.map(({ context }) => context)),
  },
  "secrets of a key package": {
    parse: parseSecrets,
    examples: [concat(Uint8Array.of(32), new Uint8Array(32), Uint8Array.of(0))],
  },
  "SFrame header": { parse: parseHeader, examples: hexes(sframe.header.map(({ encoded }) => encoded)) },
  "record of a call": { parse: parseKept, examples: [kept], lenient: true },
  relays: {
    parse: (data) => decodeRelays(json(data)),
    examples: texts(['{"ttl_s":60,"urls":["turn:a:1","turns:b"],"username":"u","credential":"c"}']),
    lenient: true,
  },
  roots: { parse: parseRootAnswer, examples: texts([signed.root_answer]) },
  root: {
    parse: (data) => followRoots(null, [data], { nowS: signed.now_s }),
    examples: texts(signed.roots),
  },
  "endpoint list": {
    parse: async (data) => checkList(await followRoots(null, ROOTS, { nowS: signed.now_s }), data, null, signed.now_s),
    examples: texts(signed.list_cases.filter(({ code }) => code === "").map(({ envelope }) => envelope)),
  },
  roster: {
    parse: (data) =>
      openRoster(parseHex(roster.roster_key), { gid: parseHex(roster.gid) as never, epoch: roster.epoch }, data),
    examples: hexes([roster.sealed]),
  },
  base: { parse: ofText(parseBase), examples: texts(["https://home.example:8443/secret/", "http://127.0.0.1"]) },
  body: {
    parse: (data) => readBody(new Response(Uint8Array.from(data)), 1 << 16),
    examples: [new Uint8Array(1 << 16)],
  },
  SDP: {
    parse: ofText((text) => {
      checkSdp(text, "offer");
    }),
    examples: texts(signals.sdp.map((row) => String(row[1]))),
  },
  candidate: { parse: ofText(findType), examples: texts(signals.candidates.map(([text]) => String(text))) },
  "SDP to hide in": {
    parse: ofText(hideAddresses),
    examples: texts(signals.hidden.map(([text]) => String(text))),
    lenient: true,
  },
  "frame of the receiving session": {
    parse: parseRServer,
    examples: hexes(frames.frames.r_server.map(({ hex }) => hex)),
  },
  "frame of the sending session": {
    parse: parseSServer,
    examples: hexes(frames.frames.s_server.map(({ hex }) => hex)),
  },
  record: { parse: parseRecord, examples: session.frames.map(({ hex }) => pad(parseHex(hex))) },
  CBOR: { parse: cbor.parse, examples: hexes([content.content, content.plaintext]), lenient: true },
  content: {
    parse: parseContent,
    examples: hexes([content.content, ...content.forms.forms.map((form) => form.content)]),
  },
  "contact link": {
    parse: ofText(parseContactLink),
    examples: texts([links.contact_link, links.contact_link_with_bridges]),
  },
  "bridge link": { parse: ofText(parseBridgeLink), examples: texts([links.bridge_text]) },
  mentions: {
    parse: ofText((text) => parseMentions(text, "home.example")),
    examples: texts(["hi [@Лейла](mimi://home.example/u/1-Voi3snc9Iz36deeha9pg)!", "[@a](mimi://"]),
    lenient: true,
  },
};

function json(data: Uint8Array): unknown {
  try {
    return JSON.parse(parseText(data));
  } catch {
    return null;
  }
}

const held = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Hands the input over; whether it was taken. Throws where the error is not one of ours, or it cost too much. */
async function give({ parse }: Target, data: Uint8Array): Promise<boolean> {
  const [before, begun] = [held(), process.cpuUsage()];
  let taken = true;
  try {
    const answer = parse(data);
    // A promise alone waits for its turn: most parsers are none.
    if (answer instanceof Promise) await answer;
  } catch (problem) {
    if (!(problem instanceof ZajilError || problem instanceof MlsError || problem instanceof FrameRefused))
      throw problem;
    taken = false;
  }
  const { user } = process.cpuUsage(begun);
  const start = `${String(data.length)} bytes, ${Buffer.from(data.subarray(0, 40)).toString("hex")}`;
  if (user > MOST_MS * 1000) expect.fail(`${String(user / 1000)} ms for ${start}`);
  if (held() - before > MOST_BYTES) expect.fail(`${String(held() - before)} bytes of memory for ${start}`);
  return taken;
}

// A stack for each refusal would cost more than the parsers do.
let depth = 0;
beforeAll(() => {
  depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 3;
});
afterAll(() => {
  Error.stackTraceLimit = depth;
});

describe.each(Object.entries(TARGETS))("%s", (name, target) => {
  it("takes its examples", async () => {
    const taken = await Promise.all(target.examples.map((example) => give(target, example)));
    expect(taken.filter(Boolean).length).toBeGreaterThan(0);
  });

  it("takes or refuses every edit", async () => {
    const random = numbers(name.length * 7919);
    let kept = 0;
    for (let run = 0; run < RUNS; run++) if (await give(target, edited(target.examples, random))) kept += 1;
    // Edits that are all taken, or a target that takes nothing apart, would show nothing.
    if (target.lenient !== true) expect(kept).toBeLessThan(RUNS);
  }, 600_000);

  it("takes or refuses what is long, deep, or the beginning of an example", async () => {
    const [example = new Uint8Array()] = target.examples;
    for (const data of [new Uint8Array(), ...swollen(example)]) await give(target, data);
    for (let size = 0; size < example.length; size += Math.ceil(example.length / 100))
      await give(target, example.slice(0, size));
  }, 60_000);
});
