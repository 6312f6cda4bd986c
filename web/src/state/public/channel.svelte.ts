/** One channel on screen: its head, its posts newest first, and what can be done in it. */
import { codeOf } from "../../i18n/errors.ts";
import { Press } from "../ask.svelte.ts";
import { Failed } from "./channels.svelte.ts";
import { type Heard, live } from "./live.svelte.ts";
import { EventOrder } from "./order.ts";
import { personas } from "./personas.svelte.ts";
import type { Channel, ChannelRole, Post } from "./shapes.ts";
import * as space from "./space.ts";

const RANK: Readonly<Record<ChannelRole, number>> = { subscriber: 0, member: 1, moderator: 2, admin: 3, owner: 4 };
const has = (channel: Channel | undefined, role: ChannelRole): boolean =>
  channel?.role !== undefined && RANK[channel.role] >= RANK[role];

/** What the persona may do in a channel; the server decides, this only hides what it would refuse. */
export function rightsIn(channel: Channel | undefined): {
  readonly post: boolean;
  readonly comment: boolean;
  readonly remove: boolean;
  readonly edit: boolean;
} {
  const open = channel?.state === "open" && channel.muted_until === undefined;
  return {
    post: open && has(channel, channel.kind === "broadcast" ? "admin" : "member"),
    comment: open && channel.comments === "on" && has(channel, "member"),
    remove: has(channel, "moderator"),
    edit: has(channel, "admin"),
  };
}

/** Who writes; rejects where there is no persona. */
export async function author(): Promise<number> {
  const as = await personas.known();
  if (as === undefined) throw new Failed("not-allowed");
  return as;
}

export class OpenChannel {
  /** `@handle`. */
  readonly ref: string;
  view = $state.raw<Channel>();
  /** Newest first. */
  posts = $state.raw<readonly Post[]>([]);
  loaded = $state(false);
  error = $state<string>();
  atEnd = $state(false);
  text = $state("");
  readonly press = new Press();
  readonly rights = $derived(rightsIn(this.view));
  #next: string | undefined;
  #once = space.makeOnce();
  #unfollow: (() => void) | undefined;
  #ended = false;
  readonly #order = new EventOrder();
  #last = 0;

  constructor(handle: string) {
    this.ref = `@${handle}`;
  }

  /** Load, and follow changes; answers what ends it. */
  start(): () => void {
    this.#ended = false;
    void this.refresh();
    return () => {
      this.#ended = true;
      this.#unfollow?.();
      this.#unfollow = undefined;
    };
  }

  /** An answer that a later one overtook is dropped; what events told of meanwhile is read again. */
  async refresh(): Promise<void> {
    const mine = ++this.#last;
    const [since, moves] = [this.#order.now, live.moves];
    try {
      const as = await personas.known();
      const [view, page] = await Promise.all([space.findChannel(as, this.ref), this.#firstPage(as)]);
      if (mine !== this.#last) return;
      if (!this.view || !this.#order.isHeard(view.channel_id, since)) this.view = view;
      this.posts = page.posts;
      this.#next = page.next;
      this.atEnd = page.next === undefined;
      this.error = undefined;
      this.loaded = true;
      for (const id of this.#order.heardSince(since)) if (id !== view.channel_id) void this.reread(id);
      this.#follow(view.channel_id, moves);
    } catch (error) {
      if (mine !== this.#last) return;
      if (!this.loaded) this.error = codeOf(error);
      else if (codeOf(error) === "gone") this.#lose();
    }
  }

  /** moves: those of the poll when the list was asked for. What it went past since was not for this channel. */
  #follow(channel: string, moves: number): void {
    if (this.#ended || this.#unfollow) return;
    this.#unfollow = live.follow((heard) => this.#hear(heard), channel);
    if (live.moves !== moves) void this.refresh();
  }

  /** A blocked channel shows its head alone: its posts answer `gone`. */
  async #firstPage(as: space.As): ReturnType<typeof space.listPosts> {
    try {
      return await space.listPosts(as, this.ref);
    } catch (error) {
      if (codeOf(error) === "gone") return { posts: [] };
      throw error;
    }
  }

  async older(): Promise<void> {
    const before = this.#next;
    if (before === undefined) return;
    await this.press.run(async () => {
      const page = await space.listPosts(await personas.known(), this.ref, before);
      this.posts = [...this.posts, ...page.posts.filter(({ post_id }) => !this.#holds(post_id))];
      this.#next = page.next;
      this.atEnd = page.next === undefined;
    });
  }

  #holds(id: string): boolean {
    return this.posts.some(({ post_id }) => post_id === id);
  }

  #lose(): void {
    this.#last += 1;
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.view = undefined;
    this.loaded = false;
    this.error = "gone";
  }

  #hear(heard: Heard): void {
    if (heard.gap) return void this.refresh();
    const { event, channel_id, post_id, post, channel } = heard.event;
    if (event.startsWith("channel.") && channel_id !== undefined && channel_id === this.view?.channel_id) {
      this.#order.hear(channel_id);
      if (channel) this.view = channel;
      else this.#lose();
      return;
    }
    if (post_id === undefined || !(channel_id === this.view?.channel_id || this.#holds(post_id))) return;
    const root = post?.thread_root ?? post_id;
    this.#order.hear(root);
    if (post && root === post_id) this.#put(post);
    else if (this.#holds(root)) void this.reread(root);
  }

  /** A post as it is now: gone where nothing of it may be seen. */
  async reread(id: string): Promise<void> {
    const since = this.#order.now;
    try {
      const post = await space.findPost(await personas.known(), id);
      // The event that came meanwhile put it there as it is now, or reads it once more.
      if (!this.#order.isHeard(id, since)) this.#put(post);
    } catch (error) {
      if (codeOf(error) === "gone") this.posts = this.posts.filter(({ post_id }) => post_id !== id);
    }
  }

  #put(post: Post): void {
    const others = post.state === "limited" && post.author?.persona_id !== personas.current?.persona_id;
    if (others) this.posts = this.posts.filter(({ post_id }) => post_id !== post.post_id);
    else if (this.#holds(post.post_id))
      this.posts = this.posts.map((held) => (held.post_id === post.post_id ? post : held));
    else this.posts = this.#insert(post);
  }

  /** In its place by time; an older one than is shown so far comes with its page. */
  #insert(post: Post): readonly Post[] {
    const found = this.posts.findIndex(({ created_at }) => created_at <= post.created_at);
    if (found < 0 && !this.atEnd && this.posts.length > 0) return this.posts;
    return this.posts.toSpliced(found < 0 ? this.posts.length : found, 0, post);
  }

  /** What a call that began at `since` answered. */
  #take(post: Post, since: number): void {
    if (this.#order.isHeard(post.post_id, since)) void this.reread(post.post_id);
    else this.#put(post);
  }

  /** Whether the text went out. */
  async write(): Promise<boolean> {
    const text = this.text.trim();
    if (text === "") return false;
    const done = await this.press.done(async () => {
      const since = this.#order.now;
      this.#take(await space.createPost(await author(), this.ref, text, this.#once), since);
    });
    if (!done) return false;
    this.text = "";
    this.#once = space.makeOnce();
    return true;
  }

  async edit(post: Post, text: string): Promise<void> {
    const since = this.#order.now;
    this.#take(await space.editPost(await author(), post, text), since);
  }

  async delete(post: Post): Promise<void> {
    await space.deletePost(await author(), post.post_id);
    this.posts = this.posts.filter(({ post_id }) => post_id !== post.post_id);
  }

  async remove(post: Post, reason: string): Promise<void> {
    await space.removePost(await author(), post.post_id, reason);
    await this.reread(post.post_id);
  }

  /** Follow the channel, or follow it no more. */
  async setFollowed(followed: boolean): Promise<boolean> {
    return this.press.done(async () => {
      const as = await author();
      if (followed) this.view = await space.subscribe(as, this.ref);
      else {
        await space.unsubscribe(as, this.ref);
        this.view = await space.findChannel(as, this.ref);
      }
      live.restart();
    });
  }

  async change(changes: Parameters<typeof space.editChannel>[2]): Promise<boolean> {
    return this.press.done(async () => {
      this.view = await space.editChannel(await author(), this.ref, changes);
    });
  }

  async end(): Promise<boolean> {
    return this.press.done(async () => space.deleteChannel(await author(), this.ref));
  }
}
