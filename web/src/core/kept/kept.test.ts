/**
 * Recovery over the real server (service.md 15 point 5): a key, its backup, a browser that was lost and comes back; wrong
 * keys, old versions, cuts; the end of an account. What is served by a hostile server is in its own words below.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BACKUP, DELETE_BACKUP, PUT_BACKUP } from "../../protocol/backups/wire.ts";
import * as control from "../../protocol/control.ts";
import { Unreachable, type ZajilError, error } from "../../protocol/errors.ts";
import { openChain } from "../../protocol/identity/chain.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { parseKey, spellKey } from "../../protocol/identity/recovery.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { publicKeyOf, randomBytes, signerOf, verify } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import { type Calls, contactAuth } from "../shell/calls.ts";
import { publishProfileToken } from "../shell/enrol.ts";
import { approve, fetchOwnLists, linkNew } from "../shell/linking.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import { Client } from "../testing/clients.ts";
import { hasServer, ServerProcess } from "../testing/server.ts";
import * as backup from "./backup.ts";
import { writeArchive } from "./archive.ts";
import { endAccount } from "./ending.ts";
import { Renewing } from "./renewing.ts";
import { restore } from "./restoring.ts";
import { deriveSecrets, sealBackup, signBackup } from "./secrets.ts";
import { loadRecovery } from "./state.ts";

const server = hasServer ? new ServerProcess() : undefined;
const clients: Client[] = [];
const renewals: Renewing[] = [];

beforeAll(async () => server?.start(), 60_000);
afterEach(async () => {
  for (const one of renewals.splice(0)) one.close();
  await Promise.all(clients.splice(0).map((client) => client.end()));
});
afterAll(async () => server?.remove());

const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

async function person(name: string): Promise<Client> {
  const client = await Client.registered(server?.url ?? "", name);
  clients.push(client);
  return client;
}

async function fresh(): Promise<Client> {
  const client = await Client.fresh(server?.url ?? "");
  clients.push(client);
  return client;
}

const lane = (client: Client): Calls => client.way.callsApart("backup");

/** Keeps the backup of somebody as the worker does. */
function keep(client: Client, backups = lane(client)): Renewing {
  const made = new Renewing({
    core: client.core,
    backups,
    changed: () => undefined,
    problem: (problem) => client.problems.push(problem),
  });
  renewals.push(made);
  return made;
}

async function makeKey(client: Client): Promise<Uint8Array> {
  return client.core.step("show", (step) => backup.move(step, "show"));
}

const recoveryOf = (client: Client) => client.core.look((look) => loadRecovery(look.tx));
const devicesOf = async (client: Client): Promise<number[]> => {
  const { account_id } = await client.profile();
  return client.core.look(async (look) => (await accounts.known(look, account_id)).devices.map(([device]) => device));
};

interface Options {
  readonly keepDevices?: boolean;
  readonly client?: Client;
}

async function bringBack(key: Uint8Array, { keepDevices = false, client }: Options = {}): Promise<Client> {
  const back = client ?? (await fresh());
  const { store, calls } = back;
  const where = { store, calls, server: back.server, backups: lane(back), now: () => back.now() };
  await restore(where, key, keepDevices);
  await back.begin();
  return back;
}

/** A pair that talks, the first with a stored key. */
async function pair(): Promise<{ anna: Client; omar: Client; gid: rows.Id; key: Uint8Array; renewing: Renewing }> {
  const [anna, omar] = [await person("Anna"), await person("Omar")];
  const gid = await anna.open(omar);
  await anna.say(gid, "before");
  await omar.until(
    () => omar.texts(gid),
    (texts) => texts.includes("before"),
  );
  // Whom to ask is reached by its own profile, which came with its first word.
  await omar.say(gid, "hello");
  await anna.until(
    () => anna.texts(gid),
    (texts) => texts.includes("hello"),
  );
  const key = await makeKey(anna);
  const renewing = keep(anna);
  await renewing.now();
  expect((await recoveryOf(anna)).problem).toBe("");
  return { anna, omar, gid, key, renewing };
}

describe.skipIf(!hasServer)("recovery", { timeout: 120_000 }, () => {
  it("brings a lost browser back: people, chats and both directions, as a new device", async () => {
    const { anna, omar, gid, key } = await pair();
    const group = await anna.core.step("group", async (step) =>
      chats.openGroup(step, "Trail", [(await omar.profile()).account_id]),
    );
    anna.runner.wake();
    await omar.until(
      () => omar.chats(),
      (chats) => chats.some((chat) => chat.gid === group && chat.status === "active"),
    );
    await renewals[0]?.now();
    const before = await anna.profile();
    await anna.end();

    const back = await bringBack(parseKey(` ${spellKey(key).toLowerCase().replace("-", " ")}\n`));
    // Nothing that could seal a generation twice came along: but for the new self group, no group is held.
    const held = await back.store.look((tx) => tx.count("mls_ratchet"));
    expect(held).toBeLessThanOrEqual(1);
    const after = await back.profile();
    expect(after).toMatchObject({ account_id: before.account_id, device_id: 2, name: "Anna" });
    expect(rows.idOf(after.device_pub)).not.toBe(rows.idOf(before.device_pub));
    expect(await devicesOf(back)).toEqual([2]);
    expect((await back.chats()).map(({ title }) => title)).toContain("Trail");

    for (const chat of [gid, group])
      await back.until(
        () => back.chats(),
        (chats) => chats.some((one) => (one.gid === chat || one.merged === "") && one.status === "active"),
      );
    await back.until(
      () => back.chats(),
      (chats) => chats.some(({ gid: one, status }) => one === group && status === "active"),
    );
    await back.say(group, "I am back");
    await omar.until(
      () => omar.texts(group),
      (texts) => texts.includes("I am back"),
    );
    await omar.say(group, "welcome");
    await back.until(
      () => back.texts(group),
      (texts) => texts.includes("welcome"),
    );
    // The backup goes on under the same key, above the version that was found.
    const found = (await recoveryOf(back)).version;
    await keep(back).now();
    expect(await recoveryOf(back)).toMatchObject({ state: "confirmed", problem: "" });
    expect((await recoveryOf(back)).version).toBeGreaterThan(found);
  });

  it("keeps other devices where that is asked, and takes up the device that a cut left", async () => {
    const { anna, key } = await pair();
    const back = await fresh();
    const real = back.calls.call.bind(back.calls);
    back.calls.call = async (route, parts) => {
      const answer = await real(route, parts);
      if ((route as unknown) === control.CREATE_ACCOUNT) throw error("unreachable");
      return answer;
    };
    await expect(bringBack(key, { keepDevices: true, client: back })).rejects.toBeInstanceOf(Unreachable);
    await expect(back.store.look((tx) => rows.findProfile(tx))).resolves.toBeUndefined();
    back.calls.call = real;
    await bringBack(key, { keepDevices: true, client: back });
    expect(await devicesOf(back)).toEqual([1, 2]); // and no third
    await anna.until(
      () => devicesOf(anna),
      (devices) => devices.length === 2 || devices.length === 1,
    );

    // The same cut, and the person decides otherwise the second time: all others end.
    const other = await fresh();
    const call = other.calls.call.bind(other.calls);
    other.calls.call = async (route, parts) => {
      const answer = await call(route, parts);
      if ((route as unknown) === control.CREATE_ACCOUNT) throw error("unreachable");
      return answer;
    };
    await expect(bringBack(key, { keepDevices: true, client: other })).rejects.toBeInstanceOf(Unreachable);
    other.calls.call = call;
    await bringBack(key, { client: other });
    expect(await devicesOf(other)).toEqual([3]);
  });

  it("restores where another device ended the contact token after the backup, and lets nobody in by the old one", async () => {
    const { anna, omar, gid, key } = await pair();
    const before = await anna.profile();
    // As another device does when it blocks somebody, and this one is lost before it hears of that.
    const later = { ...before, profile_token: randomBytes(32) };
    await publishProfileToken(anna.calls, later, await anna.tokens.auth());
    await anna.end();
    const back = await bringBack(key);
    const { profile_token } = await back.profile();
    expect([before.profile_token, later.profile_token]).not.toContainEqual(profile_token);
    const auth = contactAuth(before.profile_token);
    const parameters = { account: before.account_id };
    await expect(omar.calls.call(control.DEVICE_LISTS, { auth, parameters })).rejects.toEqual(code("not-allowed"));
    await back.until(
      () => back.chats(),
      (chats) => chats.some((chat) => chat.kind === 1 && chat.merged === "" && chat.status === "active"),
    );
    const dm = (await back.chats()).find((chat) => chat.kind === 1 && chat.merged === "")?.gid ?? "";
    await back.say(dm, "I am back");
    await omar.until(
      async () => [...(await omar.texts(gid)), ...(await omar.texts(dm))],
      (texts) => texts.includes("I am back"),
    );
    const told = await omar.core.look((look) => accounts.known(look, before.account_id));
    expect(told.contact_token).toEqual(profile_token);
    // Another key of the same form reads nothing.
    const sign = await signerOf(randomBytes(32));
    const account_id = rows.bytesOf(before.account_id);
    const { nonce } = await omar.calls.call(control.CHALLENGE, { request: { account_id, device_id: 0 } });
    const said = objects.encodeLogin({ server_name: before.server_name, nonce, account_id, device_id: 0 });
    const login = await objects.signObject("login", said, sign);
    await expect(omar.calls.call(control.LISTS_BY_KEY, { request: { login } })).rejects.toEqual(code("bad-challenge"));
  });

  it("says which of it is wrong, and stores nothing then", async () => {
    const { key } = await pair();
    const back = await fresh();
    await expect(bringBack(randomBytes(20), { client: back })).rejects.toEqual(code("no-backup"));
    const secrets = await deriveSecrets(key);
    const parameters = { locator: encodeB64(secrets.locator) };
    const stored = await lane(back).call(BACKUP, { parameters });
    // The server serves another version, another key's blob, or what is no backup.
    const served = async (answer: typeof stored): Promise<void> => {
      const { store, calls } = back;
      const backups = { call: () => Promise.resolve(answer) } as unknown as Calls;
      await restore({ store, calls, server: back.server, backups, now: () => back.now() }, key, false);
    };
    await expect(served({ ...stored, version: stored.version + 1 })).rejects.toEqual(code("bad-backup"));
    await expect(served({ ...stored, blob: stored.blob.slice(1) })).rejects.toEqual(code("bad-backup"));
    const junk = await sealBackup(secrets, new Uint8Array(9), { version: 1, nonce: randomBytes(12) });
    await expect(served({ ...stored, version: 1, blob: junk })).rejects.toEqual(code("bad-backup"));
    await expect(back.store.look((tx) => rows.findProfile(tx))).resolves.toBeUndefined();
    // A chain in which the list of the backup is not.
    const real = back.calls.call.bind(back.calls);
    back.calls.call = async (route, parts) => {
      const answer = await real(route, parts);
      if ((route as unknown) !== control.DEVICE_LISTS) return answer;
      return { lists: (answer as control.DeviceLists).lists.slice(1) } as typeof answer;
    };
    await expect(bringBack(key, { client: back })).rejects.toEqual(code("list-fork"));
    back.calls.call = real;
    await bringBack(key, { client: back });
    await expect(bringBack(key, { client: back })).rejects.toEqual(code("home-exists"));
  });

  it("names no account and writes again only for what matters", async () => {
    const { anna, omar, gid, key } = await pair();
    const seen: { route: unknown; auth: string }[] = [];
    const real = lane(anna);
    const watched = {
      call: (route: unknown, parts: { auth?: string }) => {
        seen.push({ route, auth: parts.auth ?? "" });
        return real.call(route as never, parts);
      },
    } as unknown as Calls;
    renewals.splice(0).forEach((one) => one.close());
    const renewing = keep(anna, watched);
    await renewing.now();
    seen.length = 0;
    await anna.say(gid, "a message is no reason");
    await omar.until(
      () => omar.texts(gid),
      (texts) => texts.includes("a message is no reason"),
    );
    await renewing.now();
    expect(seen).toEqual([]);
    await anna.core.step("name", (step) => rows.saveProfile(step.tx, { ...step.profile, name: "Anna K" }));
    await renewing.now();
    expect(seen).toEqual([{ route: PUT_BACKUP, auth: "" }]);

    // Somebody with the same key wrote meanwhile: ours goes above.
    const secrets = await deriveSecrets(key);
    const version = (await recoveryOf(anna)).version + 5;
    const blob = await sealBackup(secrets, new Uint8Array(20), { version, nonce: randomBytes(12) });
    const request = { auth_pub: secrets.authPub, version, blob, sig: await signBackup(secrets, blob, version) };
    const parameters = { locator: encodeB64(secrets.locator) };
    await real.call(PUT_BACKUP, { request, parameters });
    await anna.core.step("name", (step) => rows.saveProfile(step.tx, { ...step.profile, name: "Anna" }));
    await renewing.now();
    expect((await recoveryOf(anna)).version).toBe(version + 1);

    // An old version comes back neither by replay nor over a deletion.
    await expect(real.call(PUT_BACKUP, { request, parameters })).rejects.toEqual(code("stale-backup"));
    const next = await anna.core.step("rotate", (step) => backup.move(step, "rotate"));
    await renewing.now();
    expect((await recoveryOf(anna)).old).toEqual([]);
    await expect(real.call(BACKUP, { parameters })).rejects.toEqual(code("gone"));
    await expect(real.call(PUT_BACKUP, { request, parameters })).rejects.toEqual(code("stale-backup"));
    expect(seen.at(-1)).toEqual({ route: DELETE_BACKUP, auth: "" });
    await bringBack(next);
  });

  it("is confirmed by one group, and only by the right one", async () => {
    const anna = await person("Anna");
    const confirm = (group: number, text: string) =>
      anna.core.step("confirm", (step) => backup.confirm(step, group, text));
    await expect(confirm(0, "AAAA")).rejects.toEqual(code("no-recovery-key"));
    const groups = spellKey(await makeKey(anna)).split("-");
    await expect(confirm(1, `${groups[0] ?? ""}x`)).rejects.toEqual(code("bad-recovery-key"));
    await expect(confirm(8, groups[0] ?? "")).rejects.toEqual(code("bad-recovery-key"));
    expect((await recoveryOf(anna)).state).toBe("shown");
    await confirm(3, ` ${(groups[3] ?? "").toLowerCase()} `);
    expect((await recoveryOf(anna)).state).toBe("confirmed");
    await anna.core.step("rotate", (step) => backup.move(step, "rotate"));
    expect((await recoveryOf(anna)).state).toBe("rotated");
  });

  it("ends: nothing brings the account back, and its other device is told", async () => {
    const { anna, omar, gid, key } = await pair();
    const other = await fresh();
    const linked = new Promise<void>((resolve, reject) => {
      linkNew(other.store, other.calls, {
        server: other.server,
        deviceName: "Laptop",
        now: () => other.now(),
        signal: new AbortController().signal,
        onApproved: () => undefined,
        onCode: (text) => void approve(anna.core, anna.calls, anna.tokens, text).catch(reject),
      }).then(resolve, reject);
    });
    await linked;
    anna.runner.wake();
    // It must be in the chat before: else the end waits for its packages, as long as it waits for anybody.
    await other.begin();
    await other.until(
      () => other.chats(),
      (chats) => chats.some((chat) => chat.gid === gid && chat.status === "active"),
    );
    renewals.splice(0).forEach((one) => one.close());
    const { core, tokens, calls } = anna;
    const ending = { core, tokens, calls, backups: lane(anna), wake: () => anna.runner.wake() };
    // The answer to the last list is lost: again is safe.
    const real = calls.call.bind(calls);
    calls.call = async (route, parts) => {
      const answer = await real(route, parts);
      if ((route as unknown) === control.PUT_DEVICE_LIST) throw error("unreachable");
      return answer;
    };
    await expect(endAccount(ending)).rejects.toBeInstanceOf(Unreachable);
    calls.call = real;
    await endAccount(ending);
    await expect(bringBack(key)).rejects.toEqual(code("no-backup"));
    for (const device of [anna, other]) {
      await device.tokens.forget();
      await expect(device.tokens.token()).rejects.toEqual(code("device-revoked"));
    }
    expect(await omar.texts(gid)).toContain("before");
  });

  it("does not take the removal of a device for the end of its account, where the last list was never put", async () => {
    const anna = await person("Anna");
    const { account_id } = await anna.profile();
    const { core, tokens, calls } = anna;
    const ending = { core, tokens, calls, backups: lane(anna), wake: () => anna.runner.wake() };
    // Refused, as another device wrote meanwhile: it is not on its way any more, and nobody is asked about it.
    const real = calls.call.bind(calls);
    const refuse = (problem: Parameters<typeof error>[0]): void => {
      calls.call = async (route, parts) => {
        if ((route as unknown) === control.PUT_DEVICE_LIST) throw error(problem);
        return real(route, parts);
      };
    };
    const onItsWay = () => core.look((look) => look.tx.has("meta", new TextEncoder().encode("last-list")));
    refuse("stale-list");
    await expect(endAccount(ending)).rejects.toEqual(code("stale-list"));
    expect(await onItsWay()).toBe(false);
    // Cut off before it came there; then another device takes this one off the list.
    refuse("unreachable");
    await expect(endAccount(ending)).rejects.toBeInstanceOf(Unreachable);
    expect(await onItsWay()).toBe(true);
    calls.call = real;
    const before = await openChain(await fetchOwnLists(core, calls, tokens), rows.bytesOf(account_id), verify);
    const other = { device_id: 2, sig_pub: await publicKeyOf(randomBytes(32)), added: 1, role: objects.Role.FULL };
    const next = { ...before.list, seq: before.list.seq + 1, prev: before.hash, devices: [other] };
    const seed = (await core.store.secrets.open("account-seed")) ?? new Uint8Array();
    const list = await objects.signObject("device-list", objects.encodeList(next), await signerOf(seed));
    await calls.call(control.PUT_DEVICE_LIST, { auth: await tokens.auth(), request: { list } });
    await expect(endAccount(ending)).rejects.toEqual(code("device-revoked"));
    expect(await onItsWay()).toBe(false);
    // Again: at once, and without leaving a group or deleting a backup of an account that lives.
    const asked: unknown[] = [];
    calls.call = async (route, parts) => (asked.push(route), real(route, parts));
    await expect(endAccount(ending)).rejects.toEqual(code("device-revoked"));
    expect(asked).toEqual([]);
  });

  it("says so to those who write with it before it ends", async () => {
    const { anna, omar, gid } = await pair();
    renewals.splice(0).forEach((one) => one.close());
    const { core, tokens, calls, runner } = anna;
    await endAccount({ core, tokens, calls, backups: lane(anna), wake: () => runner.wake() });
    await omar.until(
      () =>
        omar.core.look((look) =>
          chats.checkMember(look, gid).then(
            () => "",
            ({ code }: ZajilError) => code,
          ),
        ),
      (why) => why === "contact-gone",
    );
  });

  it("writes every chat as a page and as JSON, whatever people wrote", async () => {
    const { anna, gid } = await pair();
    await anna.core.step("hostile", async (step) => {
      const messages = await import("../rules/messages.ts");
      return messages.submitText(step, gid, "<script>alert(1)</script>\u202Egnp.exe & \"'");
    });
    const words = Object.fromEntries(
      "title made contents members empty self deleted unsupported edited earlier gone call file"
        .split(" ")
        .map((name) => [name, `<${name}>`]),
    );
    const all = { ...words, locale: "ar-u-nu-latn", direction: "rtl" } as unknown as Parameters<typeof writeArchive>[2];
    const page = await (await writeArchive(anna.core, "html", all)).text();
    expect(page).not.toMatch(/<script|\u202e|<title><|<self>/i);
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;gnp.exe &amp; &quot;&#39;");
    expect(page).toContain('<html lang="ar" dir="rtl">');
    expect(page).toMatch(/default-src (&#39;|')none/);
    const text = await (await writeArchive(anna.core, "json", all)).text();
    const found = JSON.parse(text) as { format: string; chats: { id: string; messages: { text: string }[] }[] };
    expect(found.format).toBe("zajil export v1");
    const texts = found.chats.find(({ id }) => id === gid)?.messages.map((one) => one.text);
    expect(texts).toEqual(["before", "hello", "<script>alert(1)</script>\u202Egnp.exe & \"'"]);
  });
});
