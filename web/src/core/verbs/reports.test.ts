/** Reports of a member: what is kept for them, what they send, and what the server's answers become. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { parseText } from "../../protocol/bytes.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import { verify } from "../crypto.ts";
import * as content from "../../protocol/chat/content.ts";
import { openCertificate } from "../../protocol/identity/objects.ts";
import * as chats from "../rules/chats.ts";
import type { Id } from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { tabOf } from "../testing/host.ts";
import { type Person, World } from "../testing/people.ts";
import { MARK } from "../testing/service.ts";
import type { Answer, Call, Caller } from "../transports/base.ts";

interface Scene {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly a: ReturnType<typeof tabOf>;
  readonly b: ReturnType<typeof tabOf>;
  readonly server: Server;
  readonly dm: Id;
}

interface Sent {
  readonly reason: string;
  readonly note: string;
  readonly complaint: boolean;
  readonly items: readonly {
    readonly content: string;
    readonly sig: string;
    readonly epoch: number;
    readonly gid: string;
    readonly ts: number;
    readonly frank: string | null;
    readonly cert: string;
  }[];
}

/** Answers one report after the other as told, and keeps what came. */
class Server implements Caller {
  readonly calls: Call[] = [];
  answers: Answer[] = [];

  call(call: Call): Promise<Answer> {
    this.calls.push(call);
    const answer = this.answers.shift();
    return answer === undefined ? Promise.reject(new Error("no answer was prepared")) : Promise.resolve(answer);
  }

  says(status: number, body: object): void {
    this.answers.push({ status, body: new TextEncoder().encode(JSON.stringify(body)) });
  }

  get last(): Sent {
    const body = this.calls.at(-1)?.body;
    return JSON.parse(body instanceof Uint8Array ? parseText(body) : (body ?? "")) as Sent;
  }
}

const met = copies(async () => {
  const world = new World();
  const anna = await world.person("Anna");
  const omar = await world.person("Omar");
  await anna.meet(omar);
  const dm = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  await omar.core.step("session", async (step) => {
    await step.changeSession({ token: encodeB64(new Uint8Array(32)), token_expires: world.time / 1000 + 1e6 });
  });
  return { world, anna, omar, dm };
});

async function scene(): Promise<Scene> {
  const all = await met();
  const server = new Server();
  return { ...all, a: tabOf(all.anna), b: tabOf(all.omar, server), server };
}

const TAKEN = { report_id: encodeB64(new Uint8Array(16).fill(1)), verified: true };

test("the proof of another's text is kept and sent whole; own texts have none", async () => {
  const { world, anna, a, b, server, dm } = await scene();
  const at = world.time;
  const id = await a.call.send({ chat: dm, text: "I will find you" });
  await world.settle();
  const answer = await b.call.send({ chat: dm, text: "leave me alone" });
  await world.settle();
  const [threat, own] = await b.call.messages({ chat: dm, limit: 9 });
  expect([threat?.may.report, own?.may.report]).toEqual([true, false]);
  const draft = await b.call.report_draft({ chat: dm, ids: [id] });
  expect(draft).toMatchObject({ person: { account: anna.id, name: "Anna" }, texts: [{ text: "I will find you", at }] });
  server.says(200, TAKEN);
  const call = { chat: dm, ids: [id], reason: "harassment", note: "daily", complaint: false } as const;
  expect(await b.call.report(call)).toEqual({ outcome: "sent", id: TAKEN.report_id });
  expect(server.calls[0]).toMatchObject({ method: "POST", path: "/v1/reports" });
  expect(server.calls[0]?.headers["Idempotency-Key"]).toBeDefined();
  expect(server.last).toMatchObject({ reason: "harassment", note: "daily", complaint: false });
  const [item] = server.last.items;
  if (item === undefined) throw new Error("no item");
  expect([item.gid, item.ts, item.frank]).toEqual([dm, at, encodeB64(MARK)]);
  const data = parseB64(item.content);
  const tag = content.contentTag(content.parseContent(data).salt, data);
  const certificate = await openCertificate(parseB64(item.cert), verify);
  expect(encodeB64(certificate.account_id)).toBe(anna.id);
  const signed = content.reportTbs(tag, parseB64(item.gid), item.epoch);
  expect(await verify(certificate.sig_pub, parseB64(item.sig), signed)).toBe(true);
  await expect(b.call.report_draft({ chat: dm, ids: [answer] })).rejects.toThrow("not-reportable");
});

test("a report that got no answer goes out under its key until it gets one, and anew after that", async () => {
  const { world, a, b, server, dm } = await scene();
  const id = await a.call.send({ chat: dm, text: "I will find you" });
  await world.settle();
  const call = { chat: dm, ids: [id], reason: "harassment", note: "daily", complaint: false } as const;
  const keyOf = async (args: typeof call | (Omit<typeof call, "note"> & { readonly note: string })) => {
    await b.call.report(args).catch(() => undefined);
    return server.calls.at(-1)?.headers["Idempotency-Key"];
  };
  const first = await keyOf(call); // lost
  server.says(503, { code: "busy", retry_ms: 1 });
  expect(await keyOf(call)).toBe(first);
  const other = await keyOf({ ...call, note: "and again" });
  expect(other).not.toBe(first);
  server.says(200, TAKEN);
  expect(await keyOf(call)).toBe(first);
  server.says(422, { code: "report-unverified", item: 0, check: "frank" });
  const anew = await keyOf(call);
  expect(anew).not.toBe(first);
  expect(await keyOf(call)).not.toBe(anew);
  expect(await keyOf({ ...call, note: "and again" })).toBe(other);
  world.time += 86_400_000; // the server knows no more what it answered
  expect(await keyOf({ ...call, note: "and again" })).not.toBe(other);
  expect(server.calls).toHaveLength(8);
});

test("an edited message goes with every wording, a deleted one not at all", async () => {
  const { world, a, b, server, dm } = await scene();
  const id = await a.call.send({ chat: dm, text: "I will hurt you" });
  await world.settle();
  world.time += 1000;
  await a.call.edit({ chat: dm, id, text: "just kidding" });
  await world.settle();
  const draft = await b.call.report_draft({ chat: dm, ids: [id] });
  expect(draft.texts.map(({ text }) => text)).toEqual(["I will hurt you", "just kidding"]);
  server.says(200, TAKEN);
  await b.call.report({ chat: dm, ids: [id], reason: "other", note: "", complaint: false });
  expect(server.last.items).toHaveLength(2);
  await a.call.delete_message({ chat: dm, id, for: "all" });
  await world.settle();
  await expect(b.call.report_draft({ chat: dm, ids: [id] })).rejects.toThrow("not-reportable");
  expect((await b.call.messages({ chat: dm, limit: 9 }))[0]?.may.report).toBe(false);
});

test("an edit made while its text still waits brings its proof along", async () => {
  const { world, a, omar, b, dm } = await scene();
  const id = await a.call.send({ chat: dm, text: "first" });
  await a.call.edit({ chat: dm, id, text: "second" });
  await world.settle();
  const texts = (await b.call.report_draft({ chat: dm, ids: [id] })).texts.map(({ text }) => text);
  const shown = (await b.call.message({ chat: dm, id })).versions.map(({ text }) => text);
  expect(texts).toEqual([...shown, (await omar.texts(dm)).at(-1)]);
});

test("a refusal names item and check, and the same may go as a complaint", async () => {
  const { world, a, b, server, dm } = await scene();
  const id = await a.call.send({ chat: dm, text: "threat" });
  await world.settle();
  const call = { chat: dm, ids: [id], reason: "fraud", note: "" } as const;
  server.says(422, { code: "report-unverified", detail: { item: 0, check: "frank" } });
  expect(await b.call.report({ ...call, complaint: false })).toEqual({ outcome: "unproven", item: 0, check: "frank" });
  server.says(200, { ...TAKEN, verified: false });
  expect(await b.call.report({ ...call, complaint: true })).toEqual({
    outcome: "sent-as-complaint",
    id: TAKEN.report_id,
  });
  expect(server.last.complaint).toBe(true);
  server.says(429, { code: "slow-down", retry_ms: 1000 });
  await expect(b.call.report({ ...call, complaint: true })).rejects.toThrow("slow-down");
});

test("messages of two people, or more than six texts, are no report", async () => {
  const { world, anna, omar, server } = await scene();
  const third = await world.person("Lina");
  await anna.meet(third);
  const group = await anna.core.step("group", (step) => chats.openGroup(step, "Trip", [omar.id, third.id]));
  await world.settle();
  const [a, b, c] = [tabOf(anna), tabOf(omar, server), tabOf(third)];
  const mine = await a.call.send({ chat: group, text: "one" });
  const other = await c.call.send({ chat: group, text: "two" });
  const many: Id[] = [];
  for (let n = 0; n < 6; n++) many.push(await a.call.send({ chat: group, text: String(n) }));
  await world.settle();
  for (const ids of [[], [mine, other], [mine, ...many]]) {
    await expect(b.call.report_draft({ chat: group, ids })).rejects.toThrow("not-reportable");
  }
  expect((await b.call.report_draft({ chat: group, ids: many })).texts).toHaveLength(6);
});

test("what the server had of a message goes to no tab with the mark", async () => {
  const { world, a, omar, dm } = await scene();
  await a.call.send({ chat: dm, text: "hello" });
  await world.settle();
  const [line] = await omar.lines(dm);
  expect(line?.proofs[0]?.frank).toEqual(MARK);
  expect(Object.keys(line?.wire ?? {}).sort()).toEqual(
    ["at", "digest", "epoch", "gid", "head", "id", "kind", "seq", "size"].sort(),
  );
});
