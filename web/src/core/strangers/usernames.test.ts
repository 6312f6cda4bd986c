/** Usernames over a real server: taken, found, given up; and own devices that tell each other. */
import "fake-indexeddb/auto";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as usernames from "../rules/contact/usernames.ts";
import { loadUsername } from "../state/usernames.ts";
import { Client } from "../testing/clients.ts";
import { World, type Person } from "../testing/people.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import type { Host } from "../verbs/handlers.ts";
import { usernameVerbs } from "./usernames.ts";

// The cost is judged by argon2.test.ts; here it counts that one key stands for a name and all its look-alikes.
vi.mock("../argon2.ts", () => ({
  argon2id: async (secret: Uint8Array, salt: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array([...salt, ...secret]))),
}));

const server = hasServer ? new ServerProcess() : undefined;
const clients: Client[] = [];

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
});
afterAll(async () => server?.remove());

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.push(client);
  return client;
}

/** As much of the leading device as these calls use. */
function verbsOf(client: Client): ReturnType<typeof usernameVerbs> {
  const host: Partial<Host> = {
    calls: client.calls,
    core: () => client.core,
    tokens: () => client.tokens,
    wake: () => client.runner.wake(),
  };
  return usernameVerbs(host as Host);
}

describe.runIf(hasServer)("over a real server", { timeout: 120_000 }, () => {
  test("a name is taken once with all its look-alikes, found exactly, and rests once given up", async () => {
    const [anna, boris] = [await person("Anna"), await person("Boris")];
    const [a, b] = [verbsOf(anna), verbsOf(boris)];
    expect(await b.username()).toBe("");
    await expect(b.release_username()).rejects.toMatchObject({ code: "gone" });
    expect(await b.set_username({ name: "@Bobl_42" })).toBe("bobl_42");
    expect(await b.username()).toBe("bobl_42");
    await expect(a.set_username({ name: "bob1_42" })).rejects.toMatchObject({ code: "handle-taken" });
    await expect(a.set_username({ name: "bоbl_42" })).rejects.toMatchObject({ code: "bad-handle" });
    expect(await a.username()).toBe("");
    const { account_id: account } = await boris.profile();
    expect(await a.find_username({ name: "@BOBL_42" })).toEqual({ account, username: "bobl_42", known: "no" });
    expect(await b.find_username({ name: "bobl_42" })).toMatchObject({ known: "self" });
    await expect(a.find_username({ name: "nobody" })).rejects.toMatchObject({ code: "gone" });
    await b.release_username();
    expect(await b.username()).toBe("");
    await expect(a.find_username({ name: "bobl_42" })).rejects.toMatchObject({ code: "gone" });
    await expect(a.set_username({ name: "bobl_42" })).rejects.toMatchObject({ code: "handle-taken" });
  });
});

test("own devices know the name, also one that is linked later; the latest word counts", async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const laptop = await world.device(anna);
  await world.settle();
  const nameOf = (who: Person) => who.core.look(async (look) => (await loadUsername(look.tx)).name);
  await anna.core.step("name", (step) => usernames.note(step, "anna_1"));
  await world.settle();
  expect(await nameOf(laptop)).toBe("anna_1");
  const phone = await world.device(anna);
  await world.settle();
  expect(await nameOf(phone)).toBe("anna_1");
  await phone.core.step("name", (step) => usernames.note(step, "anna_2"));
  await world.settle();
  expect(await nameOf(anna)).toBe("anna_2");
  await anna.core.step("late", (step) => usernames.take(step, { name: "anna_0", at: 1 }));
  expect(await nameOf(anna)).toBe("anna_2");
  await laptop.core.step("name", (step) => usernames.note(step, null));
  await world.settle();
  for (const device of [anna, phone]) expect(await nameOf(device)).toBeNull();
});
