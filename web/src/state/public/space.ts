/** Calls of the public space, typed: each is made as one of the own personas, or as nobody. */
import { call } from "../host.ts";
import {
  type Channel,
  type ChannelKind,
  type Persona,
  type Post,
  type Posts,
  type PostVersion,
  readChannel,
  readNothing,
  readPersona,
  readPost,
  readPosts,
  readSubscriptions,
  readUpdates,
  readVersions,
  type Updates,
} from "./shapes.ts";

/** Number of an own persona; undefined: nobody. */
export type As = number | undefined;

export interface ChannelDraft {
  readonly handle: string;
  readonly title: string;
  readonly about: string;
  readonly kind: ChannelKind;
  readonly lang: string;
  readonly comments: "on" | "off";
}

interface Parts {
  readonly body?: object;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** b64 of 16 bytes that repeat with the same request: it is carried out once. */
  readonly once?: string;
}

/** One call and its answer, read. Rejects with `CallFailed`, or code `malformed`. */
export async function ask<T>(
  as: As,
  method: string,
  path: string,
  read: (value: unknown) => T,
  { body, query = {}, once }: Parts = {},
): Promise<T> {
  const words = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  const answer = await call("public_call", {
    ...(as === undefined ? {} : { as }),
    method,
    path: words.length > 0 ? `${path}?${words.join("&")}` : path,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(once === undefined ? {} : { once }),
  });
  return read(JSON.parse(answer));
}

/** For a request that must not be carried out twice, however often it is sent. */
export function makeOnce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** A channel by id, or by `@handle`, as it stands in a path. */
const place = (channel: string): string => `/channels/${channel.replace(/[^@\w-]/gu, encodeURIComponent)}`;

export const findPersona = (as: As, persona: string): Promise<Persona> =>
  ask(as, "GET", `/personas/${persona}`, readPersona);
export const renamePersona = (as: number, persona: string, name: string): Promise<Persona> =>
  ask(as, "PATCH", `/personas/${persona}`, readPersona, { body: { display_name: name } });
export const deletePersona = (as: number, persona: string): Promise<void> =>
  ask(as, "DELETE", `/personas/${persona}`, readNothing);

export const findChannel = (as: As, channel: string): Promise<Channel> => ask(as, "GET", place(channel), readChannel);
export const createChannel = (as: number, draft: ChannelDraft, once: string): Promise<Channel> =>
  ask(as, "POST", "/channels", readChannel, { body: draft, once });
export const editChannel = (as: number, channel: string, changes: Partial<ChannelDraft>): Promise<Channel> =>
  ask(as, "PATCH", place(channel), readChannel, { body: changes });
export const deleteChannel = (as: number, channel: string): Promise<void> =>
  ask(as, "DELETE", place(channel), readNothing);
export const subscribe = (as: number, channel: string): Promise<Channel> =>
  ask(as, "PUT", `${place(channel)}/subscription`, readChannel);
export const unsubscribe = (as: number, channel: string): Promise<void> =>
  ask(as, "DELETE", `${place(channel)}/subscription`, readNothing);
export const subscriptions = (as: number): Promise<readonly Channel[]> =>
  ask(as, "GET", "/subscriptions", readSubscriptions);

/** Newest first; before: the cursor of the page before. */
export const listPosts = (as: As, channel: string, before?: string): Promise<Posts> =>
  ask(as, "GET", `${place(channel)}/posts`, readPosts, { query: { before } });
export const createPost = (as: number, channel: string, text: string, once: string): Promise<Post> =>
  ask(as, "POST", `${place(channel)}/posts`, readPost, { body: { text }, once });
export const findPost = (as: As, post: string): Promise<Post> => ask(as, "GET", `/posts/${post}`, readPost);
export const editPost = (as: number, post: Post, text: string): Promise<Post> =>
  ask(as, "PATCH", `/posts/${post.post_id}`, readPost, { body: { text, if_version: post.version } });
export const deletePost = (as: number, post: string): Promise<void> => ask(as, "DELETE", `/posts/${post}`, readNothing);
/** By a moderator of the channel, with a reason. */
export const removePost = (as: number, post: string, reason: string): Promise<void> =>
  ask(as, "DELETE", `/posts/${post}`, readNothing, { body: { reason } });
export const versions = (as: As, post: string): Promise<readonly PostVersion[]> =>
  ask(as, "GET", `/posts/${post}/versions`, readVersions);
/** Oldest first. */
export const listComments = (as: As, post: string, before?: string): Promise<Posts> =>
  ask(as, "GET", `/posts/${post}/comments`, readPosts, { query: { before } });
export const createComment = (as: number, post: string, text: string, once: string): Promise<Post> =>
  ask(as, "POST", `/posts/${post}/comments`, readPost, { body: { text }, once });
export const search = (as: As, q: string, before?: string): Promise<Posts> =>
  ask(as, "GET", "/search", readPosts, { query: { q, before } });
export const updates = (
  as: As,
  channels: readonly string[],
  after: string | undefined,
  waitS: number,
): Promise<Updates> =>
  ask(as, "GET", "/updates", readUpdates, {
    query: { after, wait_s: String(waitS), channel: channels.join(",") },
  });
