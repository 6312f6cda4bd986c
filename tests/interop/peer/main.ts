/** The ts-mls side of tests/interop: reads JSON lines on stdin, answers on stdout, keeps clients by name until stdin ends. */
import { createInterface } from "node:readline";
import type { Proposal } from "ts-mls";
import { type Directory, Member, identityOf, members } from "./member.ts";
import { openXWing, deriveXWing, sealXWing } from "./xwing.ts";
import {
  type Answer,
  type ExtensionRow,
  type SuiteId,
  encodeExtensions,
  encodeHex,
  encodeMessage,
  parseExtensions,
  parseHex,
  parseKeyPackage,
  parseMessage,
  parseWelcome,
} from "./wire.ts";

interface Request {
  readonly op: string;
  readonly client: string;
  readonly suite: SuiteId;
  readonly identity: string;
  readonly key: string;
  readonly groupId: string;
  readonly adds: readonly string[];
  readonly removes: readonly number[];
  readonly extensions: readonly ExtensionRow[] | null;
  readonly message: string;
  readonly data: string;
  readonly aad: string;
  readonly pad: number;
  readonly label: string;
  readonly context: string;
  readonly length: number;
  readonly to: string;
  readonly info: string;
  readonly enc: string;
}

// The clock of the tests: ts-mls asks Date.now() about lifetimes.
const NOW_S = Number(process.argv[2]);
Date.now = () => NOW_S * 1000;

const directory: Directory = new Map();
const clients = new Map<string, Member>();

function clientOf({ client }: Request): Member {
  const found = clients.get(client);
  if (found === undefined) throw new Error("no such client");
  return found;
}

function proposalsOf({ adds, removes, extensions }: Request): Proposal[] {
  const changed = extensions === null ? [] : parseExtensions(extensions);
  // An empty extension list is ignored by ts-mls, so it is never committed.
  if (extensions !== null && changed.length === 0) throw new Error("empty extension list");
  return [
    ...removes.map((removed): Proposal => ({ proposalType: "remove", remove: { removed } })),
    ...adds.map((hex): Proposal => ({ proposalType: "add", add: { keyPackage: parseKeyPackage(hex) } })),
    ...(changed.length === 0
      ? []
      : [{ proposalType: "group_context_extensions", groupContextExtensions: { extensions: changed } } as const]),
  ];
}

const OPERATIONS: Record<string, (request: Request) => Promise<Answer>> = {
  async new_client(request) {
    const member = await Member.create(request.suite, parseHex(request.identity), directory);
    clients.set(request.client, member);
    directory.set(request.identity, encodeHex(member.signatureKey));
    return { key: encodeHex(member.signatureKey) };
  },
  async trust({ identity, key }) {
    directory.set(identity, key);
    return {};
  },
  async fork(request) {
    clients.set(request.to, clientOf(request).fork());
    return {};
  },
  async key_package(request) {
    const keyPackage = await clientOf(request).keyPackage(NOW_S);
    return { message: encodeMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage }) };
  },
  async create(request) {
    await clientOf(request).create(parseHex(request.groupId), parseExtensions(request.extensions ?? []), NOW_S);
    return {};
  },
  async join(request) {
    return { extensions: encodeExtensions(await clientOf(request).join(parseWelcome(request.message))) };
  },
  async commit(request) {
    const { commit, welcome } = await clientOf(request).commit(proposalsOf(request), parseHex(request.aad));
    return {
      message: encodeMessage(commit),
      welcome: welcome === undefined ? null : encodeMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
    };
  },
  async apply(request) {
    clientOf(request).apply();
    return {};
  },
  async encrypt(request) {
    const { data, aad, pad } = request;
    return { message: encodeHex(await clientOf(request).encrypt(parseHex(data), parseHex(aad), pad)) };
  },
  async process(request) {
    const message = parseMessage(request.message);
    if (message.wireformat !== "mls_private_message") throw new Error("handshakes and messages are PrivateMessage");
    return { ...(await clientOf(request).process(message)) };
  },
  async export(request) {
    const { label, context, length } = request;
    return { secret: encodeHex(await clientOf(request).export(label, parseHex(context), length)) };
  },
  async state(request) {
    const state = clientOf(request).active;
    return {
      active: state.groupActiveState.kind,
      epoch: Number(state.groupContext.epoch),
      leaf: state.privatePath.leafIndex,
      epoch_authenticator: encodeHex(state.keySchedule.epochAuthenticator),
      tree_hash: encodeHex(state.groupContext.treeHash),
      confirmed_transcript_hash: encodeHex(state.groupContext.confirmedTranscriptHash),
      extensions: encodeExtensions(state.groupContext.extensions),
      members: members(state).map(({ index, leaf }) => [index, identityOf(leaf)]),
    };
  },
  async xwing_derive({ data }) {
    return { ...(await deriveXWing(parseHex(data))) };
  },
  async xwing_seal({ key, info, data }) {
    return { ...(await sealXWing(parseHex(key), parseHex(info), parseHex(data))) };
  },
  async xwing_open({ key, info, enc, data }) {
    return { data: await openXWing(parseHex(key), parseHex(info), parseHex(enc), parseHex(data)) };
  },
};

async function answer(line: string): Promise<Answer> {
  try {
    const request = JSON.parse(line) as Request;
    const operation = OPERATIONS[request.op];
    if (operation === undefined) throw new Error("no such operation");
    return { ok: true, ...(await operation(request)) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
