/** A server that lost device lists of an account, over the real one: its clients give them back, and nobody is locked. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as ownlists from "../state/ownlists.ts";
import { Client } from "../testing/clients.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import { approve, fetchOwnLists, linkNew } from "./linking.ts";

const server = hasServer ? new ServerProcess() : undefined;
const folder = mkdtempSync(resolve(tmpdir(), "zajil-archive-"));
const clients: Client[] = [];

beforeAll(async () => server?.start(), 60_000);
afterAll(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await server?.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.push(client);
  return client;
}

/** A further device of this account, which runs. */
async function link(old: Client): Promise<Client> {
  const client = await Client.fresh(server?.url ?? "");
  clients.push(client);
  let done: Promise<void> | undefined;
  const text = await new Promise<string>((onCode, reject) => {
    done = linkNew(client.store, client.calls, {
      server: client.server,
      deviceName: "Laptop",
      now: () => client.now(),
      signal: new AbortController().signal,
      onApproved: () => undefined,
      onCode,
    });
    done.catch(reject);
  });
  await approve(old.core, old.calls, old.tokens, text);
  await done;
  await client.begin();
  await client.until(
    () => readies(client),
    (n) => n > 0,
  );
  return client;
}

const readies = (client: Client): Promise<number> => client.core.look(async (look) => (await look.session()).readies);

/** How many lists of its account the server tells this device of. */
const listsAt = async (client: Client): Promise<number> =>
  (await fetchOwnLists(client.core, client.calls, client.tokens)).length;

async function restarted(client: Client): Promise<Client> {
  const next = await client.restart();
  clients.splice(clients.indexOf(client), 1, next);
  return next;
}

describe.skipIf(!hasServer)("a restored server (skipped where zajil is not installed)", { timeout: 120_000 }, () => {
  it("gets the lists it lost: from a device it knows, and from one that it never heard of", async () => {
    const [anna, omar] = [await person("Anna"), await person("Omar")];
    const archive = resolve(folder, "zajil.tar");
    await server?.backUp(archive);
    const [annasNew, omarsNew] = [await link(anna), await link(omar)];
    await anna.end();
    await omarsNew.end();
    // As where the newest came inside a message, and the others were not fetched since.
    await omar.core.step("by a message", async (step) => ownlists.keep(step, (await ownlists.load(step)).slice(0, 1)));
    const seen = await Promise.all([annasNew, omar, anna, omarsNew].map(readies));
    await server?.restore(archive);

    // Only the new device of one, and only the old device of the other are there.
    for (const [at, client] of [annasNew, omar].entries()) {
      client.reconnect();
      await client.until(
        () => readies(client),
        (n) => n > (seen[at] ?? 0),
      );
      await client.until(
        () => listsAt(client),
        (n) => n === 2,
      );
    }
    // Their other devices come later, and find all as it was.
    for (const [at, client] of [await restarted(anna), await restarted(omarsNew)].entries()) {
      await client.until(
        () => readies(client),
        (n) => n > (seen[2 + at] ?? 0),
      );
      expect(await listsAt(client)).toBe(2);
      const session = await client.core.look((look) => look.session());
      expect(session).toMatchObject({ list_lost: false, revoked: false, rolled_back: false });
    }
    // And the account's devices can be changed again.
    const third = await link(omar);
    expect((await third.profile()).device_id).toBe(3);
  });
});
