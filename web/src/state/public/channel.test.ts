/** What is on screen stays the newest of what came, in whatever order answers and events overtake each other. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Host } from "../host.ts";

interface Request {
  readonly method: string;
  readonly path: string;
}
interface Asked extends Request {
  answer(value: object): Promise<void>;
}

const CHANNEL = { channel_id: "c1", handle: "news", title: "News", about: "", kind: "group", lang: "en" };
const OPEN = { ...CHANNEL, comments: "on", join: "open", state: "open", created_at: 1, posts: 1, subscribers: 1 };
const post = (id: string, more: object = {}): object => ({
  ...{ post_id: id, channel_id: "c1", state: "visible", version: 1, created_at: Number(id.slice(1)), text: id },
  ...more,
});
const heard = (...posts: object[]): object[] =>
  posts.map((of) => ({
    event: "post.shown",
    channel_id: "c1",
    post_id: (of as { post_id: string }).post_id,
    post: of,
  }));

let asked: Asked[];
let cursor: number;

/** The oldest request that waits and begins so; it is taken out. */
async function next(method: string, path: string): Promise<Asked> {
  const found = await vi.waitFor(
    () => {
      const at = asked.findIndex((each) => each.method === method && each.path.startsWith(path));
      if (at < 0) throw new Error(`${method} ${path} is not among ${asked.map((each) => each.path).join(", ")}`);
      return asked.splice(at, 1)[0];
    },
    { timeout: 30_000, interval: 5 },
  );
  if (!found) throw new Error("nothing waits");
  return found;
}

/** The long poll that counts now tells of this. */
async function tell(...events: object[]): Promise<void> {
  cursor += 1;
  const poll = await next("GET", "/updates");
  await poll.answer({ events, next: `n${String(cursor)}`, gap: false });
}

async function answerList(...posts: object[]): Promise<void> {
  await (await next("GET", "/channels/@news/posts")).answer({ posts });
}

async function page() {
  vi.resetModules();
  const { useHost } = await import("../host.ts");
  const call = (name: string, request: Request): Promise<unknown> => {
    if (name === "personas")
      return Promise.resolve([{ number: 0, persona_id: "me", handle: "me", display_name: "Me" }]);
    return new Promise((done) => {
      asked.push({
        ...request,
        answer: async (value) => {
          done(JSON.stringify(value));
          await new Promise((soon) => setImmediate(soon));
        },
      });
    });
  };
  const browser = { onVisibility: () => undefined, readPreference: () => undefined, visible: () => true };
  useHost({ link: { call }, browser } as unknown as Host); // the parts that the public space touches
  const { session } = await import("../session.svelte.ts");
  session.visible = true;
  return {
    OpenChannel: (await import("./channel.svelte.ts")).OpenChannel,
    OpenPost: (await import("./post.svelte.ts")).OpenPost,
    live: (await import("./live.svelte.ts")).live,
  };
}

/** An open channel with these posts, and a long poll that has its cursor. */
async function openChannel(...posts: object[]) {
  const { OpenChannel } = await page();
  const channel = new OpenChannel("news");
  const end = channel.start();
  ended.push(end);
  for (const time of ["first", "after the first cursor"]) {
    await (await next("GET", "/channels/@news")).answer(OPEN);
    await answerList(...posts);
    if (time === "first") await tell();
  }
  const ids = () => channel.posts.map(({ post_id }) => post_id);
  return { channel, ids };
}
let ended: (() => void)[];

beforeEach(() => {
  [asked, ended, cursor] = [[], [], 0];
});
afterEach(() => {
  for (const end of ended) end();
});

test("a list that was asked for before a post came does not take it away", async () => {
  const { channel, ids } = await openChannel(post("p1"));
  void channel.refresh();
  const view = await next("GET", "/channels/@news");
  await tell(...heard(post("p2")));
  expect(ids()).toEqual(["p2", "p1"]);
  await view.answer(OPEN);
  await answerList(post("p1"));
  await (await next("GET", "/posts/p2")).answer(post("p2"));
  expect(ids()).toEqual(["p2", "p1"]);
});

test("the answer to writing does not undo what was heard of the post meanwhile", async () => {
  const { channel } = await openChannel();
  channel.text = "words";
  void channel.write();
  const writing = await next("POST", "/channels/@news/posts");
  await tell(...heard(post("p3", { state: "visible" })));
  await writing.answer(post("p3", { state: "pending" }));
  await (await next("GET", "/posts/p3")).answer(post("p3"));
  expect(channel.posts.map(({ post_id, state }) => [post_id, state])).toEqual([["p3", "visible"]]);
});

test("of two readings of a post the later one counts, whichever answer comes first", async () => {
  const { channel } = await openChannel(post("p1"));
  const comment = (id: string) => heard(post(id, { thread_root: "p1" }));
  await tell(...comment("p7"));
  const first = await next("GET", "/posts/p1");
  await tell(...comment("p8"));
  await (await next("GET", "/posts/p1")).answer(post("p1", { comments: 2 }));
  await first.answer(post("p1", { comments: 1 }));
  expect(channel.posts[0]?.comments).toBe(2);
});

test("an old post that is heard of takes no place among the newest", async () => {
  const { channel, ids } = await openChannel(post("p9"), post("p5"));
  channel.atEnd = false;
  await tell(...heard(post("p2"), post("p7")));
  expect(ids()).toEqual(["p9", "p7", "p5"]);
});

test("what the poll went past while a channel was read is read again", async () => {
  const { OpenChannel, live } = await page();
  ended.push(live.follow(() => undefined));
  await tell();
  const channel = new OpenChannel("news");
  ended.push(channel.start());
  await (await next("GET", "/channels/@news")).answer(OPEN);
  // p1 is written and told of now, to those who follow already.
  await tell();
  await answerList();
  await (await next("GET", "/channels/@news")).answer(OPEN);
  await answerList(post("p1"));
  expect(channel.posts.map(({ post_id }) => post_id)).toEqual(["p1"]);
});

test("a post's comments are those of its own channel, and none is lost to a list of before", async () => {
  const { OpenPost } = await page();
  const thread = new OpenPost("p1");
  ended.push(thread.start());
  const answer = async (...comments: object[]) => {
    await (await next("GET", "/posts/p1/comments")).answer({ posts: comments });
    await (await next("GET", "/posts/p1")).answer(post("p1"));
    await (await next("GET", "/channels/c1")).answer(OPEN);
  };
  await answer();
  await tell();
  await answer();
  void thread.refresh();
  await tell(...heard(post("p2", { thread_root: "p1" }), post("p3")));
  await answer();
  await (await next("GET", "/posts/p2")).answer(post("p2", { thread_root: "p1" }));
  expect(thread.comments.map(({ post_id }) => post_id)).toEqual(["p2"]);
});
