/** Files of messages over stores in memory and a model of the server: what ends in the middle neither loses nor doubles. */
import "fake-indexeddb/auto";
import { describe, expect, it, vi } from "vitest";
import { equal } from "../../protocol/bytes.ts";
import * as content from "../../protocol/chat/content.ts";
import { encodeFiles, parseFiles } from "../../protocol/chat/files.ts";
import { ZajilError } from "../../protocol/errors.ts";
import type { CoreEvent } from "../api.ts";
import * as chats from "../rules/chats.ts";
import * as acts from "../rules/talk/acts.ts";
import { Calls } from "../shell/calls.ts";
import { Tokens } from "../shell/login.ts";
import * as rows from "../state/rows.ts";
import { copies } from "../testing/copies.ts";
import { filesOf, patterned } from "../testing/filing.ts";
import { Crash, type Person, World } from "../testing/people.ts";
import { Shelf } from "../testing/shelf.ts";
import { type Call, DialError } from "../transports/base.ts";
import { messageView } from "../verbs/views.ts";
import type { Files, FilesOptions } from "./files.ts";
import type { OutFile } from "./view.ts";

const SOON: FilesOptions = { pause: (_ms, signal) => Promise.resolve(signal.throwIfAborted()) };
const SIZE = 2_500_000;

interface Filed {
  readonly files: Files;
  readonly events: CoreEvent[];
}

interface Met {
  readonly world: World;
  readonly anna: Person;
  readonly omar: Person;
  readonly gid: string;
}

interface Two extends Met {
  readonly shelf: Shelf;
}

const met = copies(async (): Promise<Met> => {
  const world = new World();
  const [anna, omar] = [await world.person("Anna"), await world.person("Omar")];
  await anna.meet(omar);
  const gid = await anna.core.step("dm", (step) => chats.openDm(step, omar.id));
  await world.settle();
  for (const one of [anna, omar])
    await one.core.step("token", async (step) => {
      await step.changeSession({ token: "A".repeat(43), token_expires: 2 ** 40 });
    });
  return { world, anna, omar, gid };
});

const two = async (): Promise<Two> => ({ ...(await met()), shelf: new Shelf() });

function filesFor(who: Person, shelf: Shelf, options: FilesOptions = {}): Promise<Filed> {
  const calls = new Calls(shelf);
  const tokens = new Tokens(who.core, calls);
  const { store, core, world } = who;
  const parts = { store, core, calls, tokens, sessions: shelf, now: () => world.time, wake: () => undefined };
  return filesOf(parts, { ...SOON, ...options });
}

const out = (data: Uint8Array<ArrayBuffer>, more: Partial<OutFile> = {}): OutFile => ({
  ...{ blob: new Blob([data]), name: "a.bin", type: "application/x-test", look: null },
  ...more,
});

const until = (holds: () => boolean | Promise<boolean>): Promise<void> =>
  vi.waitFor(
    async () => {
      if (!(await holds())) throw new Error("not yet");
    },
    { timeout: 20_000, interval: 5 },
  );

async function views(who: Person, gid: string) {
  const lines = await who.lines(gid);
  const all = await who.core.look((look) => Promise.all(lines.map((line, n) => messageView(look, n, line))));
  return all.filter(({ notice }) => notice === undefined);
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (problem: unknown) => (problem instanceof ZajilError ? problem.code : String(problem)),
  );

const opened = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

/** Sent by Anna, received by Omar; where it stands for both. */
async function sent(all: Two, files: readonly OutFile[], text = ""): Promise<{ up: Filed; message: string }> {
  const { anna, omar, gid, shelf, world } = all;
  const up = await filesFor(anna, shelf);
  await up.files.send_files({ chat: gid, files, text });
  await until(async () => (await up.files.uploads({ chat: gid })).length === 0);
  await world.settle();
  const [message] = await views(omar, gid);
  return { up, message: message?.id ?? "" };
}

describe("sending", () => {
  it("stores, uploads, and only then queues the message", async () => {
    const all = await two();
    const { anna, omar, gid, shelf, world } = all;
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const up = await filesFor(anna, shelf, { pause: () => gate });
    let closed = true;
    shelf.before = () => (closed ? "cut" : undefined);
    const [one, other] = [patterned(SIZE), patterned(10, 9)];
    const asked = [out(one, { name: "/tmp/ж/one.bin" }), out(other, { name: "two", type: "" })];
    const { id } = await up.files.send_files({ chat: gid, files: asked, text: "both" });
    expect(await up.files.uploads({ chat: gid })).toMatchObject([
      { id, chat: gid, text: "both", files: [{ name: "one.bin" }, { name: "two", type: "application/octet-stream" }] },
    ]);
    expect(await views(anna, gid)).toEqual([]);
    closed = false;
    open();
    await until(async () => (await up.files.uploads({ chat: gid })).length === 0);
    expect(await views(anna, gid)).toMatchObject([{ text: "both", state: "queued", files: [{}, {}] }]);
    await world.settle();
    const [message] = await views(omar, gid);
    expect(message).toMatchObject({
      text: "both",
      files: [
        { number: 0, size: SIZE },
        { number: 1, size: 10 },
      ],
    });
    const down = await filesFor(omar, shelf);
    const place = { chat: gid, message: message?.id ?? "" };
    expect(equal(await opened(await down.files.fetch_file({ ...place, number: 1 })), other)).toBe(true);
    expect(equal(await opened(await down.files.fetch_file({ ...place, number: 0 })), one)).toBe(true);
    expect(up.events.filter(({ event }) => event === "uploads").length).toBeGreaterThanOrEqual(2);
  });

  it("says what each call needs and nothing more: two lanes, no account on either", async () => {
    const all = await two();
    const { message } = await sent(all, [out(patterned(300_000))]);
    const down = await filesFor(all.omar, all.shelf);
    await down.files.fetch_file({ chat: all.gid, message, number: 0 });
    const said = all.shelf.calls.map(({ name, apart, headers }) => [
      name,
      apart,
      Object.keys(headers).sort().join(),
      (headers["Authorization"] ?? "").split(" ")[0],
    ]);
    expect(new Set(said.map((one) => JSON.stringify(one)))).toEqual(
      new Set(
        [
          ["passes", "", "Authorization,Content-Type", "Device"],
          ["add", "files up", "Content-Type", ""],
          ["offset", "files up", "Authorization", "Upload"],
          ["put", "files up", "Authorization,Content-Type", "Upload"],
          ["get", "files down", "Range", ""],
        ].map((one) => JSON.stringify(one)),
      ),
    );
    expect(all.shelf.calls.every(({ body }) => body <= 262_144)).toBe(true);
  });

  const POINTS = ["submit-files", "upload", "uploaded", "ok", "receive"].flatMap((name) => [
    `${name}:before`,
    `${name}:after`,
  ]);
  it.each(POINTS)("a worker that ends at %s loses and doubles nothing", async (point) => {
    const all = await two();
    const { anna, omar, gid, shelf, world } = all;
    const data = patterned(SIZE);
    let up = await filesFor(anna, shelf);
    anna.crashAt(point);
    const asked = { chat: gid, files: [out(data)], text: "once" };
    const kept = await up.files.send_files(asked).then(
      () => true,
      (problem: unknown) => {
        if (problem instanceof Crash) return false;
        throw problem;
      },
    );
    await until(async () => anna.crashes > 0 || (await up.files.uploads({ chat: gid })).length === 0);
    up.files.close();
    await world.settle();
    if (anna.crashes > 0) {
      await anna.restart();
      up = await filesFor(anna, shelf);
      // Whoever asked was never told that it was kept: he asks again.
      if (!kept && (await up.files.uploads({ chat: gid })).length === 0) await up.files.send_files(asked);
      await until(async () => (await up.files.uploads({ chat: gid })).length === 0);
    }
    await world.settle();
    await world.pass(60_000);
    const [message, ...more] = await views(omar, gid);
    expect(more).toEqual([]);
    expect(message).toMatchObject({ text: "once", files: [{ size: SIZE }] });
    const down = await filesFor(omar, shelf);
    const got = await down.files.fetch_file({ chat: gid, message: message?.id ?? "", number: 0 });
    expect(equal(await opened(got), data)).toBe(true);
    up.files.close();
  });

  it.each(["cut", "cut-after"] as const)(
    "goes on from where the server stands after each line that is %s",
    async (how) => {
      const all = await two();
      let n = 0;
      all.shelf.before = (name) => (name !== "passes" && ++n % 3 === 0 ? how : undefined);
      const data = patterned(SIZE);
      const { message } = await sent(all, [out(data)]);
      all.shelf.before = () => undefined;
      const down = await filesFor(all.omar, all.shelf);
      expect(equal(await opened(await down.files.fetch_file({ chat: all.gid, message, number: 0 })), data)).toBe(true);
      expect(all.shelf.whole.length).toBe(1);
    },
  );

  it("takes passes once, tries again with the same, and others where they are spent", async () => {
    const all = await two();
    let busy = 2;
    all.shelf.before = (name) =>
      name === "add" && busy-- > 0
        ? { status: 503, body: new TextEncoder().encode('{"code":"storage-full"}') }
        : undefined;
    await sent(all, [out(patterned(SIZE))]);
    expect(all.shelf.calls.filter(({ name }) => name === "passes").length).toBe(1);
    const second = await two();
    let spent = true;
    second.shelf.before = (name) => {
      if (name === "add" && spent) {
        second.shelf.passes.clear();
        spent = false;
      }
      return undefined;
    };
    await sent(second, [out(patterned(SIZE))]);
    expect(second.shelf.calls.filter(({ name }) => name === "passes").length).toBe(2);
  });

  it("keeps the token that was taken since the one that its passes were refused for", async () => {
    const all = await two();
    const { anna, shelf } = all;
    const newer = "B".repeat(43);
    const call = shelf.call.bind(shelf);
    let refused = false;
    shelf.call = async (asked) => {
      if (refused || !asked.path.endsWith("/passes")) return call(asked);
      refused = true;
      await anna.core.step("token", (step) => step.changeSession({ token: newer, token_expires: 2 ** 40 }));
      return { status: 401, body: new TextEncoder().encode('{"code":"token-expired"}') };
    };
    await sent(all, [out(patterned(1000))]);
    const [passes] = shelf.calls.filter(({ name }) => name === "passes");
    expect([refused, passes?.headers["Authorization"]]).toEqual([true, `Device ${newer}`]);
  });

  it("begins anew what the server lost, and tells for good what it refuses", async () => {
    const all = await two();
    let lost = false;
    all.shelf.before = (name) => {
      if (name === "put" && !lost && [...all.shelf.held.values()].some(({ data }) => data.length > 500_000)) {
        lost = true;
        all.shelf.held.clear();
      }
      return undefined;
    };
    await sent(all, [out(patterned(SIZE))]);
    expect(lost).toBe(true);
    expect(await views(all.omar, all.gid)).toHaveLength(1);
    const second = await two();
    const { anna, gid, shelf } = second;
    shelf.before = (name) =>
      name === "add" ? { status: 403, body: new TextEncoder().encode('{"code":"not-allowed"}') } : undefined;
    const up = await filesFor(anna, shelf);
    await up.files.send_files({ chat: gid, files: [out(patterned(10))], text: "no" });
    await until(async () => (await up.files.uploads({ chat: gid })).length === 0);
    const [failed] = await views(anna, gid);
    expect(failed).toMatchObject({ state: "failed", reason: "not-allowed", text: "no", files: [{ size: 10 }] });
    const place = { chat: gid, message: failed?.id ?? "", number: 0 };
    expect(await codeOf(up.files.fetch_file(place))).toBe("no-attachment");
    expect(await codeOf(anna.core.step("retry", (step) => acts.retry(step, gid, place.message)))).toBe("not-permitted");
    expect(await anna.store.chunks((chunks) => chunks.count())).toBe(0);
  });

  it.each(["slow-down", "storage-full", "wrong-offset"])(
    "waits where the server says %s too often, and goes on",
    async (code) => {
      const all = await two();
      const { anna, gid, shelf } = all;
      const status = { "slow-down": 429, "storage-full": 503 }[code] ?? 409;
      let closed = true;
      shelf.before = (name) =>
        name === "put" && closed ? { status, body: new TextEncoder().encode(JSON.stringify({ code })) } : undefined;
      const up = await filesFor(anna, shelf);
      const { id } = await up.files.send_files({ chat: gid, files: [out(patterned(SIZE))], text: "" });
      if (code === "wrong-offset") {
        await until(async () => (await views(anna, gid)).length === 1);
        return expect(await views(anna, gid)).toMatchObject([{ state: "failed", reason: code }]);
      }
      await until(async () => (await up.files.uploads({ chat: gid }))[0]?.code === code);
      expect(up.events.at(-1)).toMatchObject({ event: "file", id, state: "waits", code });
      closed = false;
      await up.files.hurry_files();
      await until(async () => (await up.files.uploads({ chat: gid })).length === 0);
      expect(shelf.whole).toHaveLength(1);
    },
  );

  it.each(["slow-down", "storage-full"])(
    "lets later ones pass where one gets %s, and sends it in the end",
    async (code) => {
      const all = await two();
      const { anna, gid, shelf } = all;
      const answer = {
        status: code === "slow-down" ? 429 : 503,
        body: new TextEncoder().encode(JSON.stringify({ code })),
      };
      let full = true;
      const large = (call: Call): boolean => (JSON.parse(String(call.body)) as { size: number }).size > SIZE;
      shelf.before = (name, call) => (name === "add" && full && large(call) ? answer : undefined);
      const up = await filesFor(anna, shelf);
      const { id } = await up.files.send_files({ chat: gid, files: [out(patterned(SIZE))], text: "large" });
      await up.files.send_files({ chat: gid, files: [out(patterned(10))], text: "small" });
      await until(async () => (await views(anna, gid)).length === 1);
      expect(await views(anna, gid)).toMatchObject([{ text: "small" }]);
      expect(await up.files.uploads({ chat: gid })).toMatchObject([{ id, state: "waits", code }]);
      full = false;
      await up.files.hurry_files();
      await until(async () => (await views(anna, gid)).length === 2);
      expect(await up.files.uploads({ chat: gid })).toEqual([]);
      up.files.close();
    },
  );

  it("is withdrawn while it waits: nothing is sent, and nothing stays", async () => {
    const { anna, omar, gid, shelf, world } = await two();
    shelf.before = (name) => (name === "put" ? "cut" : undefined);
    const up = await filesFor(anna, shelf);
    const { id } = await up.files.send_files({ chat: gid, files: [out(patterned(SIZE))], text: "x" });
    await up.files.withdraw_files({ id });
    expect(await codeOf(up.files.withdraw_files({ id }))).toBe("gone");
    shelf.before = () => undefined;
    await up.files.hurry_files();
    await world.settle();
    expect([await views(anna, gid), await views(omar, gid), shelf.whole]).toEqual([[], [], []]);
    expect(await anna.store.chunks((chunks) => chunks.count())).toBe(0);
  });

  it("refuses what is too many, too long or an answer to nothing, and keeps nothing of it", async () => {
    const { anna, gid, shelf } = await two();
    const { files } = await filesFor(anna, shelf);
    const one = out(patterned(10));
    const codes = await Promise.all(
      [
        { files: [] },
        { files: Array.from({ length: 11 }, () => one) },
        { text: "x".repeat(32 * 1024 + 1) },
        { reply_to: "A".repeat(43) },
        { chat: "A".repeat(22) },
        { files: [{ ...one, blob: { size: 104_857_585 } as Blob }] },
      ].map((more) => codeOf(files.send_files({ chat: gid, files: [one], text: "", ...more }))),
    );
    expect(codes.slice(0, 4)).toEqual(["too-many-files", "too-many-files", "text-too-long", "gone"]);
    expect(codes[5]).toBe("file-too-big");
    expect(codes[4]).not.toBe("");
    expect(await anna.store.chunks((chunks) => chunks.count())).toBe(0);
  });
});

describe("fetching", () => {
  it("goes on with what came, and needs no network for what is here", async () => {
    const all = await two();
    const data = patterned(SIZE);
    const { message } = await sent(all, [out(data)]);
    const place = { chat: all.gid, message, number: 0 };
    let down = await filesFor(all.omar, all.shelf);
    let pieces = 0;
    all.shelf.before = (name) => (name === "get" && ++pieces > 5 ? "cut" : undefined);
    expect(await codeOf(down.files.fetch_file(place))).toBe("unreachable");
    expect(down.events.at(-1)).toMatchObject({ state: "failed", code: "unreachable", id: message });
    down.files.close();
    await all.omar.restart();
    all.shelf.before = () => undefined;
    all.shelf.calls.splice(0);
    down = await filesFor(all.omar, all.shelf);
    expect(equal(await opened(await down.files.fetch_file(place)), data)).toBe(true);
    // The first mebibyte had come whole and was kept.
    expect(all.shelf.calls[0]?.headers["Range"]).toMatch(/^bytes=1048576-/);
    all.shelf.before = () => "cut";
    expect((await down.files.fetch_file(place)).size).toBe(SIZE);
    expect(down.events.at(-1)).toMatchObject({ state: "fetched" });
  });

  it("opens nothing that is not as announced, and fetches it anew", async () => {
    const all = await two();
    const data = patterned(SIZE);
    const { message } = await sent(all, [out(data)]);
    const place = { chat: all.gid, message, number: 0 };
    const down = await filesFor(all.omar, all.shelf);
    const [held] = all.shelf.whole;
    if (!held) throw new Error("nothing there");
    const right = held.data;
    held.data = right.slice();
    held.data[1_000] = (right[1_000] ?? 0) ^ 1;
    expect(await codeOf(down.files.fetch_file(place))).toBe("hash-mismatch");
    expect(await all.omar.store.chunks((chunks) => chunks.count())).toBe(0);
    held.data = right;
    expect(equal(await opened(await down.files.fetch_file(place)), data)).toBe(true);
    all.shelf.held.clear();
    await all.omar.core.step("drop", (step) => step.tx.clear("file"));
    await down.files.sweep();
    expect(await codeOf(down.files.fetch_file(place))).toBe("gone");
  });

  it("stops for whoever asked, and answers two who ask with one fetch", async () => {
    const all = await two();
    const { message } = await sent(all, [out(patterned(SIZE))]);
    const place = { chat: all.gid, message, number: 0 };
    const down = await filesFor(all.omar, all.shelf);
    all.shelf.before = (name) => {
      if (name === "get") void down.files.stop_fetch(place);
      return name === "get" ? "cut" : undefined;
    };
    expect(await codeOf(down.files.fetch_file(place))).toBe("stopped");
    all.shelf.before = () => undefined;
    all.shelf.calls.splice(0);
    const [a, b] = await Promise.all([down.files.fetch_file(place), down.files.fetch_file(place)]);
    expect([a.size, b.size]).toEqual([SIZE, SIZE]);
    expect(all.shelf.calls.length).toBe(Math.ceil(SIZE / 262_144));
  });

  it("keeps what was used last, and gives up the rest", async () => {
    const all = await two();
    const { message } = await sent(
      all,
      [1, 2, 3].map((seed) => out(patterned(SIZE, seed))),
    );
    const down = await filesFor(all.omar, all.shelf, { keptBytes: 2 * 2_700_000 });
    for (const number of [0, 1, 0, 2]) {
      all.world.time += 1_000;
      await down.files.fetch_file({ chat: all.gid, message, number });
    }
    all.shelf.before = () => "cut";
    const here = await Promise.all(
      [0, 1, 2].map((number) => codeOf(down.files.fetch_file({ chat: all.gid, message, number }))),
    );
    expect(here).toEqual(["", "unreachable", ""]);
  });

  it("shows nothing of what is no file of ours, and no look that is none", async () => {
    const all = await two();
    const { message } = await sent(all, [out(patterned(10), { name: "a\u202Egnp.exe" })]);
    const [line] = await all.omar.lines(all.gid);
    const held = parseFiles(content.parseContent(line?.kept ?? new Uint8Array()));
    if (!held || !line) throw new Error("no files");
    expect((await views(all.omar, all.gid))[0]?.files[0]?.name).toBe("a\u202Egnp.exe");
    const { files } = await filesFor(all.omar, all.shelf);
    for (const number of [1, -1, 0.5, Number.NaN])
      expect(await codeOf(files.fetch_file({ chat: all.gid, message, number }))).toBe("no-attachment");
    // A version before this one kept the content and nothing of it: it is read all the same.
    const old = { ...line, text: "", reply_to: "" };
    const looks = [{ kind: "image", width: 1, height: 1, thumbhash: [1, 2, 3, 4, 5] }] as const;
    const { salt, extensions } = content.parseContent(line.kept);
    const kept = content.encodeContent(encodeFiles({ ...held, text: "later", looks }, { salt, extensions }));
    const view = await all.omar.core.look((look) => messageView(look, 1, { ...old, kept }));
    expect(view).toMatchObject({ text: "later", files: [{ look: looks[0] }] });
    expect(view.notice).toBeUndefined();
    expect(view.may).toMatchObject({ edit: false, reply: true });
  });
});

describe("deleting", () => {
  it.each(["all", "me"] as const)("for %s takes keys and ciphertext", async (whom) => {
    const all = await two();
    const { up, message } = await sent(all, [out(patterned(SIZE))], "secret");
    const down = await filesFor(all.omar, all.shelf);
    await down.files.fetch_file({ chat: all.gid, message, number: 0 });
    expect(await all.omar.store.chunks((chunks) => chunks.count())).toBe(3);
    const who = whom === "all" ? all.anna : all.omar;
    await who.core.step("delete", (step) =>
      whom === "all" ? acts.deleteForAll(step, all.gid, message) : acts.deleteForMe(step, all.gid, message),
    );
    await all.world.settle();
    await down.files.sweep();
    await up.files.sweep();
    expect(await all.omar.store.chunks((chunks) => chunks.count())).toBe(0);
    expect((await all.omar.lines(all.gid)).every((line) => line.kept.length === 0)).toBe(true);
    expect(await codeOf(down.files.fetch_file({ chat: all.gid, message, number: 0 }))).toMatch(
      /^(gone|no-attachment)$/,
    );
    if (whom === "all") expect(await all.anna.store.chunks((chunks) => chunks.count())).toBe(0);
  });

  it("a failed message with files goes again as a new one", async () => {
    const all = await two();
    const { anna, omar, gid, world } = all;
    await sent(all, [out(patterned(10))], "again");
    const [line] = await anna.lines(gid);
    if (!line) throw new Error("no line");
    const found = await anna.core.look((look) => rows.findMessage(look.tx, line.message_id));
    await anna.core.step("fail", (step) =>
      rows.saveMessage(step.tx, found?.[0] ?? 0, { ...line, state: "failed", reason: "gone" }),
    );
    const id = await anna.core.step("retry", (step) => acts.retry(step, gid, line.message_id));
    await world.settle();
    expect(await views(omar, gid)).toHaveLength(2);
    expect((await views(anna, gid)).map((one) => [one.id, one.text, one.files.length])).toEqual([[id, "again", 1]]);
    expect(new DialError("http", "closed").code).toBe("unreachable");
  });
});
