/** Files over the real server: whole devices, cut lines, a server and a worker that end in the middle. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { equal } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";
import type { CoreEvent } from "../api.ts";
import { Client } from "../testing/clients.ts";
import { filesOf, patterned } from "../testing/filing.ts";
import { openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Caller } from "../transports/base.ts";
import { messageView } from "../verbs/views.ts";
import type { Files, FilesOptions } from "./files.ts";

const server = hasServer ? new ServerProcess() : undefined;
const clients = new Set<Client>();
const filed: Files[] = [];
const SOON: FilesOptions = { pause: (_ms, signal) => Promise.resolve(signal.throwIfAborted()) };

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  for (const files of filed.splice(0)) files.close();
  await Promise.all([...clients].map((client) => client.end()));
  clients.clear();
  expect(openSockets.size).toBe(0);
});
afterAll(async () => server?.remove());

async function pair(): Promise<{ amal: Client; omar: Client; gid: Id }> {
  const [amal, omar] = await Promise.all(["Amal", "Omar"].map((name) => Client.registered(server?.url ?? "", name)));
  if (!amal || !omar) throw new Error("two people");
  clients.add(amal).add(omar);
  const gid = await amal.open(omar);
  await omar.until(
    () => omar.chats(),
    (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
  );
  return { amal, omar, gid };
}

async function file(
  client: Client,
  sessions: Caller = client.way.sessions,
): Promise<{ files: Files; events: CoreEvent[] }> {
  const { store, core, calls, tokens } = client;
  const { carriers } = client.way;
  const made = await filesOf(
    { store, core, calls, tokens, sessions, carriers, now: () => client.now(), wake: () => client.runner.wake() },
    sessions === client.way.sessions ? SOON : {},
  );
  filed.push(made.files);
  return made;
}

let cuts = 0;

/**
 * The lanes of a client, where every socket is cut in the middle of these calls; after `last` of them none goes on, which
 * `over` is told.
 */
function cutting(client: Client, at: readonly number[], last = Infinity, over = (): void => undefined): Caller {
  const { sessions } = client.way;
  let n = 0;
  return {
    call(call) {
      n += 1;
      if (n > last) over();
      if (n > last)
        return new Promise((_, reject) => call.signal?.addEventListener("abort", () => reject(error("stopped"))));
      const answer = sessions.call(call);
      if (at.includes(n)) {
        cuts += 1;
        for (const socket of [...openSockets]) socket.cut();
      }
      return answer;
    },
  };
}

/** Resolves when it holds: lines that were cut come back after a pause. */
const long = <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> =>
  vi.waitFor(
    async () => {
      const value = await read();
      if (!holds(value)) throw new Error("not yet");
      return value;
    },
    { timeout: 100_000, interval: 20 },
  );

/** The worker ends, and another one begins. */
async function again(client: Client): Promise<Client> {
  clients.delete(client);
  const next = await client.restart();
  clients.add(next);
  return next;
}

const views = (client: Client, gid: Id) =>
  client.core.look(async (look) => {
    const found = await look.tx.rows("message");
    const all = await Promise.all(found.map(([n, data]) => messageView(look, n, rows.parseMessage(data))));
    return all.filter((view) => view.chat === gid && view.notice === undefined);
  });

describe.skipIf(!hasServer)("over a real server (skipped where zajil is not installed)", () => {
  it("a file goes and comes, and is read again without a network", async () => {
    const { amal, omar, gid } = await pair();
    const { files: up, events } = await file(amal);
    const { files: down } = await file(omar);
    const data = patterned(300_000);
    const look = { kind: "image", width: 4, height: 3, thumbhash: [1, 2, 3, 4, 5] } as const;
    const out = { blob: new Blob([data]), name: "folder/صورة.png", type: "image/png", look };
    const { id } = await up.send_files({ chat: gid, files: [out], text: "سلام" });
    const [message] = await omar.until(
      () => views(omar, gid),
      (all) => all.length === 1,
    );
    expect(message).toMatchObject({
      text: "سلام",
      files: [{ number: 0, name: "صورة.png", type: "image/png", size: 300_000, look }],
    });
    const place = { chat: gid, message: message?.id ?? "", number: 0 };
    const got = new Uint8Array(await (await down.fetch_file(place)).arrayBuffer());
    expect(equal(got, data)).toBe(true);
    await server?.kill();
    expect((await down.fetch_file(place)).size).toBe(data.length);
    expect((await up.fetch_file(place)).size).toBe(data.length);
    await server?.start();
    expect(events).toContainEqual(expect.objectContaining({ event: "file", id, state: "sends", number: 0 }));
    expect(await up.uploads({ chat: gid })).toEqual([]);
  });

  it("20 MB arrive over a line that is cut five times each way, over workers that end in the middle", async () => {
    const both = await pair();
    const { gid } = both;
    let { amal, omar } = both;
    const data = patterned(20_000_000);
    const out = { blob: new Blob([data]), name: "a", type: "", look: null };
    const up = await file(amal, cutting(amal, [8, 20, 32]));
    await up.files.send_files({ chat: gid, files: [out], text: "" });
    await long(
      async () => (await up.files.uploads({ chat: gid }))[0]?.done ?? 0,
      (done) => done > 8_000_000,
    );
    up.files.close();
    amal = await again(amal);
    await file(amal, cutting(amal, [6, 12]));
    const [message] = await long(
      () => views(omar, gid),
      (all) => all.length === 1,
    );
    const place = { chat: gid, message: message?.id ?? "", number: 0 };
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    let down = await file(omar, cutting(omar, [8, 20, 32], 34, stop));
    const begun = down.files.fetch_file(place).catch(() => undefined);
    await stopped;
    down.files.close();
    expect(await begun).toBeUndefined();
    omar = await again(omar);
    down = await file(omar, cutting(omar, [6, 12]));
    const got = new Uint8Array(await (await down.files.fetch_file(place)).arrayBuffer());
    expect(equal(got, data)).toBe(true);
    expect(cuts).toBe(10);
    expect(await views(omar, gid)).toHaveLength(1);
  }, 240_000);
});
