/** Two tabs over one database: whichever thaws when, no generation of a ratchet is used for two messages that leave. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { LostLead, type Store, openStore } from "../../store/index.ts";
import { keysFor, openMessage, parsePrivateMessage } from "../opening.ts";
import { type Group, loadGroup, saveGroup } from "../mls.ts";
import { cryptoOf } from "../suites.ts";
import { Cast, NOW_S, bytes, present, text } from "./cast.ts";

const GID = bytes("group");

async function leading(): Promise<Store> {
  const store = await openStore("fence");
  await store.takeLead();
  return store;
}

/** Seals one message in one step, as the outbox does: what is returned is durable and may leave. */
async function seal(store: Store, cast: Cast, words: string, frozen: () => Promise<void>): Promise<Uint8Array> {
  return store.step("seal", NOW_S * 1000, async (tx) => {
    const group = loadGroup({
      epoch: present(await tx.find("mls_epoch", GID)),
      ratchet: present(await tx.find("mls_ratchet", GID)),
    });
    const sealed = await group.encrypt(cast.client("anna/1").env, bytes(words));
    await frozen();
    await tx.put("mls_ratchet", GID, saveGroup(sealed.group).ratchet);
    return sealed.message;
  });
}

/** (epoch, leaf, generation) of a message, as its receiver sees it. */
async function usedKey(reader: Group, data: Uint8Array): Promise<string> {
  const message = parsePrivateMessage(reader.snapshot, data);
  const crypto = await cryptoOf(reader.snapshot.state.groupContext.cipherSuite);
  const { sender } = await openMessage(crypto, keysFor(reader.snapshot, message, NOW_S), message, reader.ownLeaf);
  return `${message.epoch}/${sender.leafIndex}/${sender.generation}`;
}

test("a tab frozen at any point of a step never reuses a generation after thawing", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  let leader = await leading();
  const saved = saveGroup(cast.group("anna/1"));
  await leader.step("begin", NOW_S * 1000, async (tx) => {
    await tx.put("mls_epoch", GID, saved.epoch);
    await tx.put("mls_ratchet", GID, saved.ratchet);
  });
  const sent: Uint8Array[] = [];
  let lost = 0;
  for (let round = 0; round < 30; round++) {
    const thawed = leader;
    const work = seal(thawed, cast, `old ${round}`, async () => {
      if (round % 3 === 2) return;
      leader = await leading();
      if (round % 3 === 1) sent.push(await seal(leader, cast, `new ${round}`, async () => undefined));
    });
    try {
      sent.push(await work);
    } catch (problem) {
      if (!(problem instanceof LostLead)) throw problem;
      lost += 1;
      await expect(seal(thawed, cast, "again", async () => undefined)).rejects.toThrow(LostLead);
    }
  }
  expect(lost).toBe(20);
  const keys = await Promise.all(sent.map((message) => usedKey(cast.group("omar/1"), message)));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length).toBe(20);
  for (const message of sent) expect(text(bytes(await cast.hear("omar/1", message)))).toMatch(/^(old|new) \d+$/);
});
