/** Files over the real server: whole devices, cut lines, a server and a worker that end in the middle. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { equal } from "../../protocol/bytes.ts";
import type { CoreEvent } from "../api.ts";
import { Client } from "../testing/clients.ts";
import { filesOf, patterned } from "../testing/filing.ts";
import { openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
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

async function file(client: Client): Promise<{ files: Files; events: CoreEvent[] }> {
  const { store, core, calls, tokens } = client;
  const { sessions } = client.way;
  const made = await filesOf(
    { store, core, calls, tokens, sessions, now: () => client.now(), wake: () => client.runner.wake() },
    SOON,
  );
  filed.push(made.files);
  return made;
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
});
