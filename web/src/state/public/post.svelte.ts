/** One post on screen with its comments, and every version of it. */
import { codeOf } from "../../i18n/errors.ts";
import { Press } from "../ask.svelte.ts";
import { author, rightsIn } from "./channel.svelte.ts";
import { type Heard, live } from "./live.svelte.ts";
import { EventOrder } from "./order.ts";
import { personas } from "./personas.svelte.ts";
import type { Channel, Post, PostVersion } from "./shapes.ts";
import * as space from "./space.ts";

export class OpenPost {
  readonly id: string;
  post = $state.raw<Post>();
  channel = $state.raw<Channel>();
  /** Oldest first. */
  comments = $state.raw<readonly Post[]>([]);
  loaded = $state(false);
  error = $state<string>();
  text = $state("");
  atEnd = $state(true);
  readonly press = new Press();
  readonly rights = $derived(rightsIn(this.channel));
  #next: string | undefined;
  #once = space.makeOnce();
  #unfollow: (() => void) | undefined;
  #ended = false;
  readonly #order = new EventOrder();
  #last = 0;

  constructor(id: string) {
    this.id = id;
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
      const [post, page] = await Promise.all([space.findPost(as, this.id), space.listComments(as, this.id)]);
      const channel = await space.findChannel(as, post.channel_id);
      if (mine !== this.#last) return;
      if (!this.channel || !this.#order.isHeard(channel.channel_id, since)) this.channel = channel;
      this.post = post;
      this.comments = page.posts;
      this.#next = page.next;
      this.atEnd = page.next === undefined;
      this.error = undefined;
      this.loaded = true;
      for (const id of this.#order.heardSince(since)) if (id !== channel.channel_id) void this.reread(id);
      this.#follow(post.channel_id, moves);
    } catch (error) {
      if (mine !== this.#last) return;
      if (this.loaded && codeOf(error) !== "gone") return;
      this.loaded = false;
      this.error = codeOf(error);
    }
  }

  /** moves: those of the poll when the list was asked for. What it went past since was not for this channel. */
  #follow(channel: string, moves: number): void {
    if (this.#ended || this.#unfollow) return;
    this.#unfollow = live.follow((heard) => this.#hear(heard), channel);
    if (live.moves !== moves) void this.refresh();
  }

  async later(): Promise<void> {
    const before = this.#next;
    if (before === undefined) return;
    await this.press.run(async () => {
      const page = await space.listComments(await personas.known(), this.id, before);
      this.comments = [...this.comments, ...page.posts.filter(({ post_id }) => !this.#holds(post_id))];
      this.#next = page.next;
      this.atEnd = page.next === undefined;
    });
  }

  #holds(id: string): boolean {
    return this.comments.some(({ post_id }) => post_id === id);
  }

  #hear(heard: Heard): void {
    if (heard.gap) return void this.refresh();
    const { event, channel_id, post_id, post, channel } = heard.event;
    if (event.startsWith("channel.") && channel_id !== undefined && channel_id === this.channel?.channel_id) {
      this.#order.hear(channel_id);
      if (channel) this.channel = channel;
      else void this.refresh();
      return;
    }
    const comment = post?.thread_root === this.id ? post : undefined;
    if (post_id === undefined || !(post_id === this.id || comment || this.#holds(post_id))) return;
    this.#order.hear(post_id);
    if (comment) this.#put(comment);
    else void this.reread(post_id);
  }

  /** The post or a comment as it is now. */
  async reread(id: string): Promise<void> {
    const since = this.#order.now;
    try {
      const post = await space.findPost(await personas.known(), id);
      // The event that came meanwhile put it there as it is now, or reads it once more.
      if (!this.#order.isHeard(id, since)) this.#put(post);
    } catch (error) {
      if (codeOf(error) !== "gone") return;
      if (id === this.id) void this.refresh();
      else this.comments = this.comments.filter(({ post_id }) => post_id !== id);
    }
  }

  #put(post: Post): void {
    if (post.post_id === this.id) this.post = post;
    else if (this.#holds(post.post_id))
      this.comments = this.comments.map((held) => (held.post_id === post.post_id ? post : held));
    else if (this.atEnd) this.comments = [...this.comments, post];
  }

  /** What a call that began at `since` answered. */
  #take(post: Post, since: number): void {
    if (this.#order.isHeard(post.post_id, since)) void this.reread(post.post_id);
    else this.#put(post);
  }

  /** Whether the comment went out. */
  async write(): Promise<boolean> {
    const text = this.text.trim();
    if (text === "") return false;
    const done = await this.press.done(async () => {
      const since = this.#order.now;
      this.#take(await space.createComment(await author(), this.id, text, this.#once), since);
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

  /** Deletes what the persona wrote; the whole post takes its comments with it. */
  async delete(post: Post): Promise<void> {
    await space.deletePost(await author(), post.post_id);
    if (post.post_id !== this.id) this.comments = this.comments.filter(({ post_id }) => post_id !== post.post_id);
  }

  async remove(post: Post, reason: string): Promise<void> {
    await space.removePost(await author(), post.post_id, reason);
    await this.reread(post.post_id);
  }
}

/** Every version of a post, oldest first. */
export async function versionsOf(post: string): Promise<readonly PostVersion[]> {
  return space.versions(await personas.known(), post);
}
