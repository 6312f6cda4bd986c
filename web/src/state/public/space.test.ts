/** Every call that tabs make of the public space is one of docs/protocol/openapi-public.json, with the fields it knows. */
import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import type { Calls } from "../../core/api.ts";
import type { Link } from "../../core/link.ts";
import type { Browser } from "../../platform/browser.ts";
import { useHost } from "../host.ts";
import { type Post, readChannel, readPost, readUpdates } from "./shapes.ts";
import * as redress from "./redress.ts";
import * as space from "./space.ts";

type Request = Parameters<Calls["public_call"]>[0];
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: { readonly $ref: string } } };
  };
}
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties: Record<string, unknown> }>> };
}

const API = JSON.parse(
  readFileSync(new URL("../../../../docs/protocol/openapi-public.json", import.meta.url), "utf8"),
) as OpenApi;
const POST = { post_id: "p", version: 2 } as Post;
const DRAFT = { handle: "h", title: "t", about: "a", kind: "group", lang: "ar", comments: "on" } as const;

let asked: Request[] = [];
beforeEach(() => {
  asked = [];
  const link = {
    call: (_: string, request: Request) => {
      asked.push(request);
      return Promise.resolve("null");
    },
  };
  useHost({ link: link as unknown as Link, browser: {} as Browser });
});

const CALLS: readonly (() => Promise<unknown>)[] = [
  () => space.findPersona(0, "id"),
  () => space.renamePersona(0, "id", "n"),
  () => space.deletePersona(0, "id"),
  () => space.findChannel(undefined, "@أخبار"),
  () => space.createChannel(0, DRAFT, "once"),
  () => space.editChannel(0, "@h", { title: "t", about: "a", comments: "off" }),
  () => space.deleteChannel(0, "@h"),
  () => space.subscribe(0, "@h"),
  () => space.unsubscribe(0, "@h"),
  () => space.subscriptions(0),
  () => space.listPosts(0, "@h", "cursor"),
  () => space.createPost(0, "@h", "text", "once"),
  () => space.findPost(0, "p"),
  () => space.editPost(0, POST, "text"),
  () => space.deletePost(0, "p"),
  () => space.removePost(0, "p", "why"),
  () => space.versions(0, "p"),
  () => space.listComments(0, "p", "cursor"),
  () => space.createComment(0, "p", "text", "once"),
  () => space.search(0, "words", "cursor"),
  () => space.updates(0, ["a", "b"], "cursor", 25),
];

/** Of a server that moderates. */
const REDRESS: readonly (() => Promise<unknown>)[] = [
  () => redress.report(0, { kind: "post", target: "p", category: "spam", note: "n" }, "once"),
  () => redress.ownReports(0, "cursor"),
  () => redress.notices(0, "cursor"),
  () => redress.findNotice(0, "d"),
  () => redress.appeal(0, "d", "words", "once"),
  () => redress.findAppeal(0, "a"),
  () => redress.ownStanding(0),
];

/** The operation of a request, by its path without what stands for names. */
function operationOf({ method, path }: Request): Operation | undefined {
  const parts = path.split("?")[0]?.split("/") ?? [];
  const found = Object.entries(API.paths).find(([pattern, operations]) => {
    const names = pattern.split("/");
    const fits = names.length === parts.length && names.every((name, at) => name.startsWith("{") || name === parts[at]);
    return fits && method.toLowerCase() in operations;
  });
  return found?.[1][method.toLowerCase()];
}

test.each("/reports" in API.paths ? [...CALLS, ...REDRESS] : CALLS)("call %#", async (make) => {
  await make().catch(() => undefined);
  const [request] = asked;
  expect(request, "one call").toBeDefined();
  if (!request) return;
  const operation = operationOf(request);
  expect(operation, `${request.method} ${request.path}`).toBeDefined();
  const query = new URLSearchParams(request.path.split("?")[1] ?? "");
  const known = operation?.parameters?.filter((one) => one.in === "query").map(({ name }) => name) ?? [];
  for (const name of query.keys()) expect(known).toContain(name);
  const schema = operation?.requestBody?.content["application/json"].schema.$ref.split("/").at(-1);
  const fields = Object.keys(API.components.schemas[schema ?? ""]?.properties ?? {});
  for (const name of Object.keys(JSON.parse(request.body ?? "{}") as object)) expect(fields).toContain(name);
});

test("a handle of any script stands escaped in the path", async () => {
  await space.findChannel(undefined, "@أخبار.1").catch(() => undefined);
  expect(asked[0]?.path).toBe(`/channels/@${encodeURIComponent("أخبار")}.1`);
});

test("answers of another shape are refused, unknown fields are not", () => {
  const channel = {
    ...{ channel_id: "c", handle: "h", title: "t", about: "", kind: "group", lang: "", comments: "on", join: "open" },
    ...{ state: "open", owner: null, created_at: 1, posts: 0, subscribers: 0, later: true },
  };
  expect(readChannel(channel)).toMatchObject({ handle: "h", subscribed: false, category: "" });
  for (const wrong of [
    { ...channel, kind: "feed" },
    { ...channel, posts: -1 },
    { ...channel, title: 7 },
    [],
    null,
    "x",
  ])
    expect(() => readChannel(wrong)).toThrow();
  expect(() => readPost({ post_id: "p" })).toThrow();
  expect(readUpdates({ events: [{ id: "1", event: "later.event" }], next: "2" })).toEqual({
    events: [{ event: "later.event", ref: "" }],
    next: "2",
    gap: false,
  });
});

test("a decision is read with its reasons, the appeal and the proof; what is optional may be absent", () => {
  const plain = {
    ...{ decision_id: "d", kind: "post", target: "p", version: 1, action: "remove", category: "spam", at: 5 },
    ...{ in_force: true, automated: true },
  };
  expect(redress.readNotice(plain)).toEqual({
    ...{ decision_id: "d", kind: "post", target: "p", action: "remove", category: "spam", at: 5 },
    ...{ in_force: true, automated: true, reason: "", logged: false, care: false },
  });
  const whole = redress.readNotice({
    ...plain,
    appeal_until: 9,
    appeal: { appeal_id: "a", state: "assigned", at: 6, due_at: 8 },
    proof: { entry: "x" },
    care: true,
  });
  expect(whole).toMatchObject({ appeal_until: 9, appeal: { state: "assigned" }, logged: true, care: true });
  expect(() => redress.readNotice({ ...plain, appeal: { appeal_id: "a", state: "lost", due_at: 8 } })).toThrow();
});

test("what must not happen twice has 16 random bytes of its own", () => {
  expect(space.makeOnce()).toMatch(/^[\w-]{22}$/);
  expect(space.makeOnce()).not.toBe(space.makeOnce());
});
