/** Long lives of groups: 100 random operations saved and loaded, removals of 2 to 17 leaves, rules that bind senders. */
import { decryptWithLabel } from "ts-mls/crypto/hpke.js";
import { encodeGroupContext } from "ts-mls/groupContext.js";
import { expect, test } from "vitest";
import "../../testing/native-x25519.ts";
import { keysFor, openMessage, parsePrivateMessage } from "../opening.ts";
import {
  type Group,
  Invalid,
  SuiteDowngrade,
  TooManyLeaves,
  checkBrowser,
  checkKeyPackage,
  loadGroup,
  loadStaged,
  makeKeyPackage,
  saveGroup,
  saveStaged,
} from "../mls.ts";
import { cryptoOf } from "../suites.ts";
import { CAPABILITIES, Cast, bytes, hex, newGroup, packageOf, present, stagedOf } from "./cast.ts";

/** The same numbers at every run. */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Every member's group as bytes and back. */
function restart(cast: Cast): void {
  for (const [name, group] of cast.groups) {
    const saved = saveGroup(group);
    const loaded = loadGroup(saved);
    expect(saveGroup(loaded)).toEqual(saved);
    cast.groups.set(name, loaded);
  }
}

test("100 random operations: everybody agrees, and every state survives saving", { timeout: 120_000 }, async () => {
  const cast = await Cast.start("m0/1");
  const pick = chance(7);
  let made = 1;
  const anyone = () => present([...cast.groups.keys()][pick(cast.groups.size)]);
  for (let operation = 0; operation < 100; operation++) {
    const [kind, by] = [pick(6), anyone()];
    if (cast.groups.size < 2 || (kind === 0 && cast.groups.size < 6)) await cast.commit(by, { add: [`m${made++}/1`] });
    else if (kind === 1 && cast.groups.size > 3)
      await cast.commit(by, { remove: [present([...cast.groups.keys()].find((name) => name !== by))] });
    else if (kind === 2) await cast.commit(by);
    else {
      const message = await cast.say(by, `words ${operation}`);
      for (const name of [...cast.groups.keys()].filter((other) => other !== by)) {
        expect(await cast.hear(name, message)).toBe(`words ${operation}`);
      }
    }
    restart(cast);
    const authenticators = new Set([...cast.groups.values()].map((group) => hex(group.epochAuthenticator)));
    expect(authenticators.size).toBe(1);
  }
  expect(cast.group(anyone()).epoch).toBeGreaterThan(20);
});

test(
  "removal: at 2 to 17 leaves the removed member opens no path secret and reads nothing",
  { timeout: 120_000 },
  async () => {
    const cast = await Cast.start("admin/1");
    for (let leaves = 2; leaves <= 17; leaves++) {
      // Ghosts never come online; one member besides the admin does and follows everything.
      const ghosts = leaves - cast.group("admin/1").members().length - (leaves === 3 ? 2 : 1);
      await cast.commit("admin/1", { add: [...(leaves === 3 ? ["witness/1"] : []), `victim${leaves}/1`], ghosts });
      expect(cast.group("admin/1").members().length).toBe(leaves);
      await checkRemoval(cast, `victim${leaves}/1`);
    }
  },
);

async function checkRemoval(cast: Cast, victim: string): Promise<void> {
  const [old, client] = [cast.group(victim), cast.client(victim)];
  const witness = [...cast.groups].find(([name]) => name !== victim && name !== "admin/1");
  const staged = await cast.commit("admin/1", { remove: [victim] });
  const message = present(staged.message);
  expect(await openedPathSecrets(old, cast, message)).toBe(0);
  if (witness !== undefined) expect(await openedPathSecrets(witness[1], cast, message)).toBe(1);
  const gone = (await stagedOf(old, client, message)).apply();
  expect(gone.status).toBe("removed");
  const later = await cast.say("admin/1", "without you");
  await expect(old.receive(client.env, later)).rejects.toThrow();
  await expect(gone.receive(client.env, later)).rejects.toThrow();
  const secret = await cast.group("admin/1").export("zajil test", bytes(""), 32);
  expect(hex(await old.export("zajil test", bytes(""), 32))).not.toBe(hex(secret));
}

/** How many path secrets of a Commit any private key of that member opens. */
async function openedPathSecrets(group: Group, cast: Cast, data: Uint8Array): Promise<number> {
  const { state } = group.snapshot;
  const crypto = await cryptoOf(state.groupContext.cipherSuite);
  const message = parsePrivateMessage(group.snapshot, data);
  const { content } = await openMessage(crypto, keysFor(group.snapshot, message, 0), message, group.ownLeaf);
  if (content.contentType !== "commit") throw new Error("no Commit");
  const path = present(content.commit.path);
  const { confirmedTranscriptHash } = state.groupContext;
  const context = encodeGroupContext({ ...cast.group("admin/1").snapshot.state.groupContext, confirmedTranscriptHash });
  let opened = 0;
  for (const key of Object.values(state.privatePath.privateKeys)) {
    const privateKey = await crypto.hpke.importPrivateKey(key);
    for (const { kemOutput, ciphertext } of path.nodes.flatMap((node) => node.encryptedPathSecret)) {
      try {
        await decryptWithLabel(privateKey, "UpdatePathNode", context, kemOutput, ciphertext, crypto.hpke);
        opened += 1;
      } catch {
        continue;
      }
    }
  }
  return opened;
}

test("who adds a client judges its package: lifetime, account, suite, size of the group", async () => {
  const cast = await Cast.start("anna/1");
  const omar = await cast.meet("omar/1");
  const env = cast.client("anna/1").env;
  const { keyPackage } = await packageOf(omar);
  expect(await checkKeyPackage(env, keyPackage, 0x53)).toEqual(bytes("omar/1"));
  const rule = (work: Promise<unknown>) =>
    work.then(
      () => "passes",
      (problem: unknown) => (problem instanceof Invalid ? problem.rule : String(problem)),
    );
  expect(await rule(checkKeyPackage({ ...env, now: env.now + 90 * 86_400 }, keyPackage, 0x53))).toBe("K4");
  expect(await rule(cast.group("anna/1").commit({ ...env, now: env.now + 90 * 86_400 }, [{ add: keyPackage }]))).toBe(
    "K4",
  );
  cast.directory.trust("omar/1", new Uint8Array(32));
  expect(await rule(cast.group("anna/1").commit(env, [{ add: keyPackage }]))).toBe("L1");
  expect(await rule(checkKeyPackage(env, keyPackage, 1))).toBe("K1");
  await expect(checkKeyPackage(env, keyPackage, 2)).rejects.toThrow(SuiteDowngrade);
  const options = {
    credential: bytes("anna/1"),
    signatureKey: cast.client("anna/1").signatureKey,
    capabilities: CAPABILITIES,
  };
  const lifetime = { notBefore: env.now, notAfter: env.now + 100 };
  await expect(makeKeyPackage(env, { ...options, suite: 2, lifetime })).rejects.toThrow(SuiteDowngrade);
  expect(
    await rule(
      makeKeyPackage(env, { ...options, suite: 0x53, lifetime: { ...lifetime, notAfter: env.now + 91 * 86_400 } }),
    ),
  ).toBe("K4");
  await expect(cast.group("anna/1").commit(env, [{ extensions: [] }])).rejects.toThrow("P5");
});

test("the 129th leaf is refused before anything is made", async () => {
  const cast = await Cast.start("anna/1");
  const env = cast.client("anna/1").env;
  const packages = await Promise.all(
    Array.from({ length: 128 }, async (_, at) => packageOf(await cast.meet(`m${at}/1`))),
  );
  const adds = packages.map(({ keyPackage }) => ({ add: keyPackage }));
  await expect(cast.group("anna/1").commit(env, adds)).rejects.toThrow(TooManyLeaves);
});

test("a standalone proposal stops sending until it is committed, by reference", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1", "vera/1"] });
  const [anna, omar] = [cast.client("anna/1"), cast.client("omar/1")];
  const proposed = await cast.group("omar/1").propose(omar.env, { remove: 2 });
  const { group, event } = await cast.group("anna/1").receive(anna.env, proposed.message);
  expect(event.kind).toBe("proposed");
  await expect(group.encrypt(anna.env, bytes("x"))).rejects.toThrow("commit them first");
  const { staged } = await loadGroup(saveGroup(group)).commit(anna.env);
  expect(loadStaged(saveStaged(staged)).removed.map(({ leaf }) => leaf)).toEqual([2]);
  const theirs = await stagedOf(proposed.group, omar, present(staged.message));
  expect(hex(theirs.epochAuthenticator)).toBe(hex(staged.epochAuthenticator));
});

test("secrets that are not needed any more can be wiped once a value is durable", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const { env } = cast.client("anna/1");
  const before = cast.group("anna/1");
  const { group } = await before.encrypt(env, bytes("x"));
  const durable = loadGroup(saveGroup(group));
  group.wipe();
  expect(present(before.snapshot.state.secretTree[0]).application.secret.every((byte) => byte === 0)).toBe(true);
  expect(loadGroup(saveGroup(group)).snapshot).toEqual(durable.snapshot);
  cast.groups.set("anna/1", group.wipe());
  expect(await cast.hear("omar/1", await cast.say("anna/1", "still talking"))).toBe("still talking");
});

test("this platform has what the engine needs; one without WebCrypto is told so", async () => {
  await checkBrowser();
  const group = await newGroup(await (await Cast.start("anna/1")).meet("omar/1"));
  expect(group.suite).toBe(0x53);
});
