/** History from browser to browser over the real server: cut lines, workers that end, archives that are not ours. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeArchive, parseArchive } from "../../protocol/history/archive.ts";
import type { ArchivePart } from "../../protocol/identity/linking.ts";
import type { HistoryProgress } from "../api.ts";
import { blobNames } from "../files/blobs.ts";
import type { Files } from "../files/files.ts";
import { approve, linkNew } from "../shell/linking.ts";
import * as rows from "../state/rows.ts";
import { Client } from "../testing/clients.ts";
import { filesOf } from "../testing/filing.ts";
import { openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { Caller } from "../transports/base.ts";
import type { Host } from "../verbs/handlers.ts";
import { announce } from "./handing.ts";
import { pack } from "./packing.ts";
import { Receiving, TRIES_MAX } from "./receiving.ts";
import { awaitParts, findAwaited, saveAwaited } from "./row.ts";

const server = hasServer ? new ServerProcess() : undefined;
const clients = new Set<Client>();
const opened: { close(): void }[] = [];
const DAY_MS = 86_400_000;

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  for (const one of opened.splice(0)) one.close();
  await Promise.all([...clients].map((client) => client.end()));
  clients.clear();
  expect(openSockets.size).toBe(0);
});
afterAll(async () => server?.remove());

const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

interface Side {
  readonly files: Files;
  readonly host: Host;
  progress(way: "in" | "out"): HistoryProgress[];
}

/** Files of a client, and what its tabs hear of histories. */
async function side(client: Client, sessions: Caller = client.way.sessions): Promise<Side> {
  const { store, core, calls, tokens } = client;
  const parts = { store, core, calls, tokens, sessions, now: () => client.now(), wake: () => client.runner.wake() };
  const soon = { pause: (_ms: number, signal: AbortSignal) => Promise.resolve(signal.throwIfAborted()) };
  const { files, host, events } = await filesOf(parts, sessions === client.way.sessions ? soon : {});
  opened.push(files);
  const progress = (way: "in" | "out") =>
    events.flatMap((event) => (event.event === "history" && event.progress.way === way ? [event.progress] : []));
  return { files, host, progress };
}

function receive(host: Host): Receiving {
  const receiving = new Receiving(host, { network: { online: () => true, listen: () => () => undefined } });
  opened.push(receiving);
  return receiving;
}

/** The lanes of a client, whose sockets are cut in the middle of these calls; no answer comes from one of them on. */
function cutting(client: Client, at: readonly number[], silent = Infinity): Caller {
  let n = 0;
  return {
    call(call) {
      n += 1;
      if (n >= silent) {
        return new Promise((_, reject) => {
          call.signal?.addEventListener("abort", () => {
            reject(error("stopped"));
          });
        });
      }
      const answer = client.way.sessions.call(call);
      if (at.includes(n)) for (const socket of [...openSockets]) socket.cut();
      return answer;
    },
  };
}

/** The worker ends, and another one begins. */
async function again(client: Client): Promise<Client> {
  clients.delete(client);
  const next = await client.restart();
  clients.add(next);
  return next;
}

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.add(client);
  return client;
}

async function selfOf(client: Client): Promise<rows.Id> {
  const all = await client.until(
    () => client.chats(),
    (found) => found.some(({ kind, status }) => kind === 0 && status === "active"),
  );
  return all.find(({ kind }) => kind === 0)?.gid ?? "";
}

/** A further browser that shows its code; whoever approves it is told. */
async function show(): Promise<{ client: Client; text: string; linked: Promise<void> }> {
  const client = await Client.fresh(server?.url ?? "");
  clients.add(client);
  return new Promise((resolve, reject) => {
    const linked: Promise<void> = linkNew(client.store, client.calls, {
      server: client.server,
      deviceName: "Laptop",
      now: () => client.now(),
      signal: new AbortController().signal,
      onApproved: () => undefined,
      onCode: (text) => resolve({ client, text, linked }),
    });
    linked.catch(reject);
  });
}

/** Many long texts, as if they had been written long ago: about so many bytes. */
async function writeLong(client: Client, gid: rows.Id, bytes: number): Promise<number> {
  const count = Math.ceil(bytes / 50_000);
  const own = await client.profile();
  await client.core.step("many", async (step) => {
    for (let n = 0; n < count; n++) {
      const message_id = rows.idOf(step.rng(32));
      const text = rows.idOf(step.rng(37_500));
      const head = { message_id, gid, account: own.account_id, device: 1, sent: n, arrived: n, text };
      const row = rows.encodeRow({ ...rows.EMPTY_MESSAGE, ...head, state: "sent" });
      await step.tx.append("message", rows.bytesOf(gid), rows.bytesOf(message_id), row);
    }
  });
  return count;
}

/** What a device that approves makes of its history, put where `awaitParts` finds it; all of it is at the server. */
async function announced(amal: Client, plain?: Uint8Array): Promise<readonly ArchivePart[]> {
  const { files, progress } = await side(amal);
  async function* only(data: Uint8Array): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(data);
  }
  const { parts } = await files.submitArchive(plain ? only(plain) : pack(amal.core), AbortSignal.timeout(30_000));
  files.sendArchive();
  await amal.until(
    () => Promise.resolve(progress("out").at(-1)),
    (last) => last?.state === "done",
  );
  return parts;
}

const awaitOn = (client: Client, parts: readonly ArchivePart[]) =>
  client.core.step("await", (step) => awaitParts(step.tx, parts));

describe.skipIf(!hasServer)("history over a real server (skipped where zajil is not installed)", () => {
  it("comes whole over lines that are cut and workers that end on both sides", async () => {
    let amal = await person("Amal");
    const self = await selfOf(amal);
    const count = await writeLong(amal, self, 12_000_000);
    const shown = await show();
    const up = await side(amal, cutting(amal, [6, 14]));
    const handed = await announce(amal.core, up.files);
    expect(handed?.parts).toHaveLength(2);
    await approve(amal.core, amal.calls, amal.tokens, shown.text, () => Promise.resolve(handed?.parts ?? []));
    handed?.send();
    amal.runner.wake();
    await shown.linked;
    let laptop = shown.client;
    await laptop.begin();
    const first = await side(laptop, cutting(laptop, [9], 30));
    const receiving = receive(first.host);
    const running = receiving.run();
    await laptop.until(
      () => laptop.core.look((look) => findAwaited(look.tx)),
      (awaited) => (awaited?.parts[0]?.have ?? 0) > 2_000_000,
    );
    receiving.close();
    await running;
    first.files.close();
    laptop = await again(laptop);
    up.files.close();
    amal = await again(amal);
    await side(amal);
    const second = await side(laptop, cutting(laptop, [5]));
    const kept = await laptop.core.look((look) => findAwaited(look.tx));
    expect(kept?.parts[0]?.have).toBeGreaterThan(1_000_000);
    await receive(second.host).run();
    expect(second.progress("in").at(-1)).toMatchObject({ state: "done", came: count, over: 0, strange: 0 });
    expect(second.progress("in")[0]?.done).toBeGreaterThan(1_000_000);
    expect(await laptop.texts(self)).toEqual(await amal.texts(self));
    expect(await laptop.core.look((look) => findAwaited(look.tx))).toBeUndefined();
    expect(await blobNames(laptop.store)).toEqual(new Set());
    await vi.waitFor(async () => expect(await blobNames(amal.store)).toEqual(new Set()), 30_000);
  }, 240_000);

  it.each(["hash", "key", "size", "account", "bytes"])("is refused where it is not ours (%s)", async (forged) => {
    const amal = await person("Amal");
    const self = await selfOf(amal);
    await writeLong(amal, self, 100_000);
    const before = await amal.texts(self);
    let plain: Uint8Array | undefined;
    if (forged === "bytes") plain = new Uint8Array([120]);
    if (forged === "account") {
      for await (const part of pack(amal.core))
        plain = encodeArchive({ ...parseArchive(part), account: new Uint8Array(16) });
    }
    const parts = await announced(amal, plain);
    const wrong: Record<string, Partial<ArchivePart>> = {
      hash: { sha256: new Uint8Array(32) },
      key: { key: new Uint8Array(32) },
      size: { size: 5_000 },
    };
    await awaitOn(
      amal,
      parts.map((part) => ({ ...part, ...wrong[forged] })),
    );
    const { host, progress } = await side(amal);
    expect(await receive(host).take()).toBe(true);
    expect(progress("in").at(-1)).toMatchObject({ state: "lost" });
    expect(await amal.core.look((look) => findAwaited(look.tx))).toBeUndefined();
    expect(await blobNames(amal.store)).toEqual(new Set());
    expect(await amal.texts(self)).toEqual(before);
  });

  it("is waited for a day, and then left", async () => {
    const amal = await person("Amal");
    await writeLong(amal, await selfOf(amal), 100_000);
    const parts = (await announced(amal)).map((part) => ({ ...part, attachment_id: new Uint8Array(16) }));
    await awaitOn(amal, parts);
    const { host, progress } = await side(amal);
    expect(await receive(host).take()).toBe(false);
    expect(progress("in").at(-1)).toMatchObject({ state: "waits", code: "gone" });
    await amal.core.step("older", async (step) => {
      const awaited = await findAwaited(step.tx);
      if (awaited) await saveAwaited(step.tx, { ...awaited, since: awaited.since - 2 * DAY_MS });
    });
    expect(await receive(host).take()).toBe(true);
    expect(progress("in").at(-1)).toMatchObject({ state: "lost", code: "gone" });
  });

  it("is given up where it breaks the worker each time, and is not opened without end", async () => {
    const amal = await person("Amal");
    await writeLong(amal, await selfOf(amal), 100_000);
    await awaitOn(amal, await announced(amal));
    const { host, progress } = await side(amal);
    const real = amal.core.step.bind(amal.core);
    let opened = 0;
    vi.spyOn(amal.core, "step").mockImplementation((name, work) => {
      if (name !== "history") return real(name, work);
      opened += 1;
      return Promise.reject(new RangeError("Array buffer allocation failed"));
    });
    for (let n = 0; n < TRIES_MAX; n++) await expect(receive(host).take()).rejects.toThrow(RangeError);
    expect(await receive(host).take()).toBe(true);
    expect(opened).toBe(TRIES_MAX);
    expect(progress("in").at(-1)).toMatchObject({ state: "lost", code: "malformed" });
    expect(await amal.core.look((look) => findAwaited(look.tx))).toBeUndefined();
  });

  it("stays where it cannot be announced in time, and nothing of it is left", async () => {
    const amal = await person("Amal");
    await writeLong(amal, await selfOf(amal), 100_000);
    const never: Caller = {
      call: ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(error("stopped")))),
    };
    const { files } = await side(amal, never);
    expect(await announce(amal.core, files, 300)).toBeUndefined();
    expect(await blobNames(amal.store)).toEqual(new Set());
    expect(await amal.store.look((tx) => tx.count("upload"))).toBe(0);
  });

  it("is dropped where the answer does not come through", async () => {
    const amal = await person("Amal");
    await writeLong(amal, await selfOf(amal), 100_000);
    const shown = await show();
    const { files } = await side(amal);
    const handed = await announce(amal.core, files);
    const real = amal.calls.call.bind(amal.calls);
    amal.calls.call = (route, parts) =>
      (route as unknown) === control.PUT_LINK_ANSWER ? Promise.reject(error("gone")) : real(route, parts);
    const parts = () => Promise.resolve(handed?.parts ?? []);
    await expect(approve(amal.core, amal.calls, amal.tokens, shown.text, parts)).rejects.toEqual(code("gone"));
    await handed?.drop();
    expect(await amal.store.look((tx) => tx.count("upload"))).toBe(0);
    expect(await blobNames(amal.store)).toEqual(new Set());
    shown.linked.catch(() => undefined);
  });
});
