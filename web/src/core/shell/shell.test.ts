/** Whole devices over the real server: they register, meet, talk, survive cuts and restarts of either side. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Client, doWork } from "../testing/clients.ts";
import { openSockets } from "../testing/nodesocket.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import * as rows from "../state/rows.ts";
import { fetchConfig, register } from "./enrol.ts";

const server = hasServer ? new ServerProcess() : undefined;
const clients: Client[] = [];

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  expect(openSockets.size).toBe(0);
});
afterAll(async () => server?.remove());

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.push(client);
  return client;
}

async function pair(): Promise<{ amal: Client; omar: Client; gid: rows.Id }> {
  const [amal, omar] = [await person("Amal"), await person("Omar")];
  const gid = await amal.open(omar);
  await omar.until(
    () => omar.chats(),
    (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
  );
  return { amal, omar, gid };
}

describe.skipIf(!hasServer)("over a real server (skipped where zajil is not installed)", () => {
  it("two people talk both ways, each text once", async () => {
    const { amal, omar, gid } = await pair();
    await amal.say(gid, "سلام");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length === 1,
    );
    await omar.say(gid, "привет");
    await amal.until(
      () => amal.texts(gid),
      (texts) => texts.length === 2,
    );
    expect(await amal.texts(gid)).toEqual(["سلام", "привет"]);
    expect(amal.shown.at(-1)).toMatchObject({ state: "direct" });
    expect(amal.shown.some((change) => (change.round_trip_ms ?? -1) >= 0)).toBe(true);
  });

  it("a cut of every socket, in the middle of talking, loses and doubles nothing", async () => {
    const { amal, omar, gid } = await pair();
    const sent: string[] = [];
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 4; n++) sent.push(`${String(round)}.${String(n)}`);
      await Promise.all(sent.slice(-4).map((text) => amal.say(gid, text)));
      for (const socket of [...openSockets]) socket.cut();
    }
    const found = await omar.until(
      () => omar.texts(gid),
      (texts) => texts.length >= sent.length,
    );
    expect(found.sort()).toEqual([...sent].sort());
  });

  it("what was written without a server goes out once it is back; the pill says so", async () => {
    const { amal, omar, gid } = await pair();
    await server?.kill();
    await amal.until(
      () => Promise.resolve(amal.shown.at(-1)?.state),
      (state) => state === "trying" || state === "waiting",
    );
    await amal.say(gid, "later");
    await server?.start();
    amal.reconnect();
    omar.reconnect();
    expect(
      await omar.until(
        () => omar.texts(gid),
        (texts) => texts.length === 1,
      ),
    ).toEqual(["later"]);
    await amal.until(
      () => Promise.resolve(amal.shown.at(-1)?.state),
      (state) => state === "direct",
    );
  });

  it("a worker that ends with texts unsent sends them when it begins again", async () => {
    const { amal, omar, gid } = await pair();
    await amal.end();
    await amal.core.step("nothing", () => Promise.resolve());
    await amal.say(gid, "kept");
    const again = await amal.restart();
    clients.push(again);
    expect(
      await omar.until(
        () => omar.texts(gid),
        (texts) => texts.length === 1,
      ),
    ).toEqual(["kept"]);
  });

  it("says offline when the browser has no network, and is back at once with it", async () => {
    const amal = await person("Amal");
    await amal.until(
      () => Promise.resolve(amal.shown.at(-1)?.state),
      (state) => state === "direct",
    );
    amal.network.set(false);
    expect(amal.shown.at(-1)?.state).toBe("offline");
    amal.network.set(true);
    await amal.until(
      () => Promise.resolve(amal.shown.at(-1)?.state),
      (state) => state === "direct",
    );
    await amal.end();
    expect(amal.network.listening).toBe(0);
  });

  it("a registration that was cut short anywhere is finished by the next one, as the same account", async () => {
    const client = await Client.fresh(server?.url ?? "");
    const config = await fetchConfig(client.calls);
    const account = {
      server: client.server,
      name: "Amal",
      invite: null,
      config,
      now: () => client.now(),
      work: doWork,
    };
    const accounts = new Set<string>();
    let cuts = 0;
    const real = client.calls.call.bind(client.calls);
    for (let made = false; !made; cuts++) {
      let left = cuts;
      // The answer of call number `cuts` is lost, after the server acted on it.
      client.calls.call = async (route, parts) => {
        const answer = await real(route, parts);
        if (left-- === 0) throw new Error("the browser was closed");
        return answer;
      };
      made = await register(client.store, client.calls, account).then(
        () => true,
        () => false,
      );
      const profile = await client.store.look((tx) => rows.findProfile(tx));
      if (profile) accounts.add(profile.account_id);
    }
    expect(cuts).toBeGreaterThan(2);
    expect(accounts.size).toBe(1);
    client.calls.call = real;
    await expect(register(client.store, client.calls, account)).rejects.toThrow("home-exists");
    await client.begin();
    clients.push(client);
    const omar = await person("Omar");
    const gid = await omar.open(client);
    await omar.say(gid, "hi");
    expect(
      await client.until(
        () => client.texts(gid),
        (texts) => texts.length === 1,
      ),
    ).toEqual(["hi"]);
  });

  it("a second begin under the same device ends neither, and a closed runner leaves no timer", async () => {
    const amal = await person("Amal");
    await amal.until(
      () => Promise.resolve(amal.shown.at(-1)?.state),
      (state) => state === "direct",
    );
    await amal.end();
    const shown = amal.shown.length;
    amal.runner.wake();
    amal.runner.reconnect();
    expect(amal.shown.length).toBe(shown);
  });
});
