/** The peer of tests/interop: reads JSON lines on stdin, answers on stdout, keeps clients by name until stdin ends. */
import { createInterface } from "node:readline";
import type { Client, Directory, MakeClient } from "./client.ts";
import {
  type Answer,
  type ExtensionRow,
  type SuiteId,
  encodeHex,
  parseHex,
} from "./wire.ts";
import {
  newSeal,
  openRecord,
  resumeSeal,
  sealRecord,
  takeAccept,
} from "./seal.ts";
import { deriveXWing, openXWing, sealXWing } from "./xwing.ts";

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
  readonly channel: number;
  readonly now_ms: number;
}

// The clock of the tests: ts-mls asks Date.now() about lifetimes.
const NOW_S = Number(process.argv[2]);
Date.now = () => NOW_S * 1000;

const directory: Directory = new Map();
const clients = new Map<string, Client>();

function clientOf({ client }: Request): Client {
  const found = clients.get(client);
  if (found === undefined) throw new Error("no such client");
  return found;
}

function extensionsOf({ extensions }: Request): readonly ExtensionRow[] {
  // An empty extension list is ignored by ts-mls, so it is never committed.
  if (extensions !== null && extensions.length === 0)
    throw new Error("empty extension list");
  return extensions ?? [];
}

const operations = (
  make: MakeClient,
): Record<string, (request: Request) => Promise<Answer>> => ({
  async new_client(request) {
    const client = await make(
      request.suite,
      parseHex(request.identity),
      directory,
      NOW_S,
    );
    clients.set(request.client, client);
    directory.set(request.identity, encodeHex(client.signatureKey));
    return { key: encodeHex(client.signatureKey) };
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
    return { message: encodeHex(await clientOf(request).keyPackage()) };
  },
  async create(request) {
    await clientOf(request).create(
      parseHex(request.groupId),
      request.extensions ?? [],
    );
    return {};
  },
  async join(request) {
    return {
      extensions: await clientOf(request).join(parseHex(request.message)),
    };
  },
  async commit(request) {
    const { message, welcome } = await clientOf(request).commit({
      adds: request.adds.map(parseHex),
      removes: request.removes,
      extensions: extensionsOf(request),
      aad: parseHex(request.aad),
    });
    return {
      message: encodeHex(message),
      welcome: welcome === undefined ? null : encodeHex(welcome),
    };
  },
  async apply(request) {
    await clientOf(request).apply();
    return {};
  },
  async encrypt(request) {
    const { data, aad, pad } = request;
    return {
      message: encodeHex(
        await clientOf(request).encrypt(parseHex(data), parseHex(aad), pad),
      ),
    };
  },
  async process(request) {
    return { ...(await clientOf(request).process(parseHex(request.message))) };
  },
  async export(request) {
    const { label, context, length } = request;
    return {
      secret: encodeHex(
        await clientOf(request).export(label, parseHex(context), length),
      ),
    };
  },
  async state(request) {
    return { ...clientOf(request).state() };
  },
  async seal_new({ client, key, info, channel, now_ms, data }) {
    const origin = { kid: parseHex(info), public: parseHex(key) };
    const made = await newSeal(
      client,
      origin,
      channel,
      now_ms,
      parseHex(data),
    );
    return { data: encodeHex(made) };
  },
  async seal_accept({ client, data, now_ms }) {
    return { offset_ms: await takeAccept(client, parseHex(data), now_ms) };
  },
  async seal_resume({ client }) {
    return { data: encodeHex(resumeSeal(client)) };
  },
  async seal_seal({ client, data }) {
    return { data: encodeHex(await sealRecord(client, parseHex(data))) };
  },
  async seal_open({ client, data }) {
    return { data: encodeHex(await openRecord(client, parseHex(data))) };
  },
  async xwing_derive({ data }) {
    return { ...(await deriveXWing(parseHex(data))) };
  },
  async xwing_seal({ key, info, data }) {
    return {
      ...(await sealXWing(parseHex(key), parseHex(info), parseHex(data))),
    };
  },
  async xwing_open({ key, info, enc, data }) {
    return {
      data: await openXWing(
        parseHex(key),
        parseHex(info),
        parseHex(enc),
        parseHex(data),
      ),
    };
  },
});

async function answer(
  known: ReturnType<typeof operations>,
  line: string,
): Promise<Answer> {
  try {
    const request = JSON.parse(line) as Request;
    const operation = known[request.op];
    if (operation === undefined) throw new Error("no such operation");
    return { ok: true, ...(await operation(request)) };
  } catch (error) {
    return {
      ok: false,
      error:
        error instanceof Error
          ? `${error.constructor.name}: ${error.message}`
          : String(error),
    };
  }
}

/** Answers until stdin ends. */
export async function serve(make: MakeClient): Promise<void> {
  const known = operations(make);
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(known, line))}\n`);
  }
}
