/** Own contact links over the real server: what they admit, what is told of them, and what ends them. */
import "fake-indexeddb/auto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseContactLink } from "../../protocol/identity/links.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { bringLinks, loadDoors, noteLinks } from "../state/doors.ts";
import { strangerVerbs } from "../strangers/strangers.ts";
import { addLinked } from "../verbs/people.ts";
import type { Host } from "../verbs/handlers.ts";
import { Client } from "../testing/clients.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import { inviteVerbs } from "./invites.ts";
import type { OwnInvite } from "./view.ts";

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
function hostOf(client: Client): Host {
  const host: Partial<Host> = {
    ...{ store: client.store, server: client.server, calls: client.calls, way: client.way },
    now: () => client.now(),
    core: () => client.core,
    tokens: () => client.tokens,
    wake: () => client.runner.wake(),
  };
  return host as Host;
}

const add = (client: Client, { url = "" }: OwnInvite) => addLinked(hostOf(client), parseContactLink(url));

/** Uses of each link that is kept, by its id. */
async function keptOf(client: Client): Promise<Record<string, number>> {
  const { links } = await client.core.look((look) => loadDoors(look.tx));
  return Object.fromEntries(links.map(({ hash, uses }) => [hash, uses]));
}

/** Open a link and wait until its owner has the chat. */
async function come(client: Client, link: OwnInvite, owner: Client): Promise<void> {
  const gid = await add(client, link);
  client.runner.wake();
  await owner.until(
    () => owner.chats(),
    (all) => all.some((chat) => chat.gid === gid && chat.status === "active"),
  );
}

describe.runIf(hasServer)("over a real server", { timeout: 60_000 }, () => {
  test("a one-time link lets one in, and the list says what is left of each", async () => {
    const [anna, omar, eve] = [await person("Anna"), await person("Omar"), await person("Eve")];
    const calls = inviteVerbs(hostOf(anna));
    expect(await calls.invites()).toEqual([]);
    const many = await calls.make_invite({ kind: "many", with_code: false });
    const once = await calls.make_invite({ kind: "once", with_code: false });
    expect(many).toMatchObject({ kind: "many", left: 20, uses: 20, code: false });
    expect(once).toMatchObject({ kind: "once", left: 1, uses: 1 });
    expect(await calls.invites()).toEqual([once, many]);
    await come(omar, once, anna);
    expect(await calls.invites()).toEqual([many]);
    await expect(add(eve, once)).rejects.toMatchObject({ code: "not-allowed" });
    await come(eve, many, anna);
    expect(await calls.invites()).toEqual([{ ...many, left: 19 }]);
    expect(await keptOf(anna)).toMatchObject({ [many.id]: 19 });
  });

  test("a link that was ended lets nobody in, and does not come back", async () => {
    const [anna, omar] = [await person("Anna"), await person("Omar")];
    const calls = inviteVerbs(hostOf(anna));
    const [first, second] = [
      await calls.make_invite({ kind: "many", with_code: false }),
      await calls.make_invite({ kind: "many", with_code: false }),
    ];
    await inviteVerbs(hostOf(omar)).revoke_invite({ id: second.id }); // somebody else's: nothing happens
    await calls.revoke_invite({ id: first.id });
    expect(await calls.invites()).toEqual([second]);
    // A server that came back from a backup is told so of both.
    expect(await keptOf(anna)).toEqual({ [first.id]: 0, [second.id]: 20 });
    expect(await keptOf(omar)).toEqual({});
    await expect(add(omar, first)).rejects.toMatchObject({ code: "not-allowed" });
    await come(omar, second, anna);
  });

  test("what a server that came back is told of links holds there", async () => {
    const [anna, omar] = [await person("Anna"), await person("Omar")];
    const calls = inviteVerbs(hostOf(anna));
    const [lost, ended] = [
      await calls.make_invite({ kind: "many", with_code: false }),
      await calls.make_invite({ kind: "many", with_code: false }),
    ];
    // As where the backup that was restored has the one that ended.
    await anna.core.step("ended", (step) =>
      noteLinks(step.tx, [{ hash: ended.id, uses: 0, expires: (ended.expires_at ?? 0) / 1000 }], step.now),
    );
    expect(await anna.core.look((look) => loadDoors(look.tx))).toMatchObject({
      links: [{ due: false }, { due: false }],
    });
    await anna.core.step("back", (step) => bringLinks(step.tx, step.now));
    anna.runner.wake();
    await anna.until(
      () => anna.core.look((look) => loadDoors(look.tx)),
      ({ links }) => links.every(({ due }) => !due),
    );
    expect(await calls.invites()).toEqual([lost]);
    await come(omar, lost, anna);
  });

  test("a link to ask admits nobody; a request by it arrives once in 30 days", async () => {
    const [anna, boris] = [await person("Anna"), await person("Boris")];
    const { url } = await inviteVerbs(hostOf(anna)).make_request_link();
    const link = parseContactLink(url);
    expect(link.contact_token).toBeNull();
    await expect(addLinked(hostOf(boris), link)).rejects.toMatchObject({ code: "bad-link" });
    const whom = {
      account: encodeB64(link.account_id ?? new Uint8Array()),
      name: link.name ?? "",
      text: "It is Boris",
    };
    const [ours, theirs] = [strangerVerbs(hostOf(anna)), strangerVerbs(hostOf(boris))];
    const gid = await theirs.request_contact(whom);
    const [asked] = await anna.until(
      () => ours.requests(),
      (all) => all.some(({ text }) => text !== ""), // it is listed before its text comes
    );
    expect(asked).toMatchObject({ id: gid, name: "Boris", text: "It is Boris" });
    await ours.answer_request({ id: gid, answer: "accept" });
    await boris.until(
      () => boris.chats(),
      (all) => all.some((chat) => chat.gid === gid && chat.request === ""),
    );
    await boris.say(gid, "thank you");
    await anna.until(
      () => anna.texts(gid),
      (texts) => texts.includes("thank you"),
    );
    const vera = await person("Vera");
    const verbs = strangerVerbs(hostOf(vera));
    const first = await verbs.request_contact({ ...whom, text: "one" });
    await anna.until(
      () => ours.requests(),
      (all) => all.length === 1,
    );
    await ours.answer_request({ id: first, answer: "decline" });
    // Another device of hers, or a client that forgot: the server remembers the pair.
    await vera.core.step("forget", (step) => step.changeChat(first, { status: "removed" }));
    await expect(verbs.request_contact({ ...whom, text: "two" })).rejects.toMatchObject({ code: "not-allowed" });
  });

  test("after a restart the links are there to be shown; of what others made, the server's part alone", async () => {
    const anna = await person("Anna");
    const made = await inviteVerbs(hostOf(anna)).make_invite({ kind: "once", with_code: false });
    clients.pop();
    const again = await anna.restart();
    clients.push(again);
    const calls = inviteVerbs(hostOf(again));
    expect(await calls.invites()).toEqual([made]);
    await again.core.step("forget", async (step) => step.tx.delete("meta", new TextEncoder().encode("invites")));
    expect(await calls.invites()).toEqual([{ id: made.id, kind: "other", left: 1, expires_at: made.expires_at }]);
    const odd = { kind: "all", with_code: false } as unknown as { kind: "once"; with_code: boolean };
    await expect(calls.make_invite(odd)).rejects.toMatchObject({ code: "malformed" });
  });
});
