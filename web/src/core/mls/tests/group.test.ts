/** The wrapper by itself: groups grow and shrink, messages open once, Commits apply at their echo, state survives. */
import { createApplicationMessage } from "ts-mls/createMessage.js";
import { expect, test } from "vitest";
import { error } from "../../../protocol/errors.ts";
import { encodeMessage } from "../codec.ts";
import {
  DecodeError,
  FutureEpoch,
  GenerationLimit,
  Group,
  OwnMessage,
  PastEpoch,
  Removed,
  Replayed,
  TooFar,
  loadGroup,
  loadStaged,
  saveGroup,
  saveStaged,
} from "../mls.ts";
import { configOf, judgedOnly, withConfig } from "../snapshot.ts";
import { cryptoWith } from "../suites.ts";
import { Cast, bytes, hex, packageOf, present, stagedOf, text } from "./cast.ts";

test("three members talk, one is removed and cannot read on", async () => {
  const cast = await Cast.start("anna/1");
  const staged = await cast.commit("anna/1", { add: ["omar/1", "vera/1"] });
  expect(staged.added.map(({ leaf, client }) => [leaf, text(client)])).toEqual([
    [1, "omar/1"],
    [2, "vera/1"],
  ]);
  const message = await cast.say("omar/1", "hello");
  expect(await cast.hear("anna/1", message)).toBe("hello");
  expect(await cast.hear("vera/1", message)).toBe("hello");
  const omar = cast.group("omar/1");
  const ousting = await cast.commit("vera/1", { remove: ["omar/1"] });
  const gone = (await stagedOf(omar, cast.client("omar/1"), present(ousting.message))).apply();
  expect(gone.status).toBe("removed");
  await expect(gone.export("x", bytes(""), 32)).rejects.toThrow(Removed);
  const secret = await cast.say("anna/1", "without omar");
  await expect(omar.receive(cast.client("omar/1").env, secret)).rejects.toThrow(FutureEpoch);
  await expect(gone.receive(cast.client("omar/1").env, secret)).rejects.toThrow(Removed);
  expect(await cast.hear("vera/1", secret)).toBe("without omar");
  const [anna, vera] = [cast.group("anna/1"), cast.group("vera/1")];
  expect(hex(anna.epochAuthenticator)).toBe(hex(vera.epochAuthenticator));
  expect(hex(await anna.export("label", bytes("c"), 40))).toBe(hex(await vera.export("label", bytes("c"), 40)));
});

test("an application message tells its sender, generation and AAD, and opens once", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const env = cast.client("anna/1").env;
  const first = await cast.say("omar/1", "one");
  const second = await cast.say("omar/1", "two");
  const { group, event } = await cast.group("anna/1").receive(env, second);
  if (event.kind !== "application") throw new Error(event.kind);
  expect([event.sender, event.generation, text(event.aad), text(event.credential)]).toEqual([1, 1, "tag", "omar/1"]);
  const late = await group.receive(env, first);
  expect(late.event.kind).toBe("application");
  await expect(late.group.receive(env, first)).rejects.toThrow(Replayed);
  await expect(late.group.receive(env, second)).rejects.toThrow(Replayed);
  await expect(cast.group("omar/1").receive(cast.client("omar/1").env, second)).rejects.toThrow(OwnMessage);
});

test("messages received between an own Commit and its echo do not open a second time", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const env = cast.client("anna/1").env;
  const { group, staged } = await cast.group("anna/1").commit(env, []);
  const message = await cast.say("omar/1", "meanwhile");
  const received = await group.receive(env, message);
  const kept = loadStaged(saveStaged(staged));
  const next = kept.apply(received.group);
  await expect(next.receive(env, message)).rejects.toThrow(Replayed);
  expect(() => kept.apply(next)).toThrow(PastEpoch);
  const later = await cast.say("omar/1", "still the old epoch");
  const { event } = await next.receive(env, later);
  expect(event.kind).toBe("application");
});

test("two Commits made in one epoch never share a generation", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const env = cast.client("anna/1").env;
  const first = await cast.group("anna/1").commit(env, []);
  const second = await first.group.commit(env, []);
  const omar = cast.group("omar/1");
  const one = await omar.receive(cast.client("omar/1").env, present(first.staged.message));
  await expect(one.group.receive(cast.client("omar/1").env, present(second.staged.message))).resolves.toBeDefined();
});

test("a Commit of ours may lose its race", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const mine = await cast.group("anna/1").commit(cast.client("anna/1").env, []);
  const theirs = await cast.group("omar/1").commit(cast.client("omar/1").env, []);
  const winner = await stagedOf(mine.group, cast.client("anna/1"), present(theirs.staged.message));
  const next = winner.apply();
  expect(hex(next.epochAuthenticator)).toBe(hex(theirs.staged.apply(theirs.group).epochAuthenticator));
  expect(() => mine.staged.apply(next)).toThrow(PastEpoch);
});

test("state survives saving: whole groups and staged Commits", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1", "vera/1"] });
  await cast.commit("omar/1");
  const before = cast.group("vera/1");
  const saved = saveGroup(before);
  const loaded = loadGroup(saved);
  expect(loaded.snapshot).toEqual(before.snapshot);
  expect(saveGroup(loaded)).toEqual(saved);
  const message = await cast.say("omar/1", "after a restart");
  cast.groups.set("vera/1", loaded);
  expect(await cast.hear("vera/1", message)).toBe("after a restart");
  const other = saveGroup(cast.group("anna/1").expire(0));
  expect(() => loadGroup({ epoch: saved.epoch, ratchet: new Uint8Array(3) })).toThrow("damaged");
  await cast.commit("anna/1");
  expect(() => loadGroup({ epoch: saveGroup(cast.group("anna/1")).epoch, ratchet: other.ratchet })).toThrow(
    "two epochs",
  );
});

test("a generation far ahead is refused before anything is derived; our own ends at 2,000", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const omar = cast.client("omar/1");
  const group = cast.group("omar/1");
  const limited = await group.encrypt(omar.env, bytes("last")).then(() => atGeneration(group, 2000));
  await expect(limited.encrypt(omar.env, bytes("x"))).rejects.toThrow(GenerationLimit);
  const { state } = atGeneration(group, 2049).snapshot;
  const crypto = await cryptoWith(omar.env, state.groupContext.cipherSuite);
  const config = configOf(judgedOnly(new Set()));
  const { privateMessage } = await createApplicationMessage(withConfig(state, config), bytes("x"), crypto);
  const message = encodeMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
  await expect(cast.group("anna/1").receive(cast.client("anna/1").env, message)).rejects.toThrow(TooFar);
});

/** The group as if its own application ratchet stood there; the keys are wrong, the number is what counts. */
function atGeneration(group: Group, generation: number): Group {
  const secretTree = [...group.snapshot.state.secretTree];
  const node = present(secretTree[2 * group.ownLeaf]);
  secretTree[2 * group.ownLeaf] = { ...node, application: { ...node.application, generation } };
  return new Group({ ...group.snapshot, state: { ...group.snapshot.state, secretTree } });
}

test("a last-resort package says so", async () => {
  const cast = await Cast.start("anna/1");
  const omar = await cast.meet("omar/1");
  const made = await packageOf(omar, true);
  expect(made.keyPackage.lastResort).toBe(true);
  expect(made.reference.length).toBe(64);
});

test("whatever trips over foreign bytes is an MlsError: anything else would hold up a mailbox for good", async () => {
  const cast = await Cast.start("anna/1");
  await cast.commit("anna/1", { add: ["omar/1"] });
  const { staged } = await cast.group("omar/1").commit(cast.client("omar/1").env);
  const { env } = cast.client("anna/1");
  const receive = (problem: Error) =>
    cast.group("anna/1").receive({ ...env, authenticate: () => Promise.reject(problem) }, present(staged.message));
  await expect(receive(new RangeError("a full stack"))).rejects.toThrow(DecodeError);
  await expect(receive(error("lost-lead"))).rejects.toThrow("lost-lead");
});
