/** One post on screen with its comments, and every version of it. */
import { codeOf } from "../../i18n/errors.ts";
import { Press } from "../ask.svelte.ts";
import { author, rightsIn } from "./channel.svelte.ts";
import { type Heard, live } from "./live.svelte.ts";
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

  async refresh(): Promise<void> {
    try {
      const as = await personas.known();
      const [post, page] = await Promise.all([space.findPost(as, this.id), space.listComments(as, this.id)]);
      this.channel = await space.findChannel(as, post.channel_id);
      this.post = post;
      this.comments = page.posts;
      this.#next = page.next;
      this.atEnd = page.next === undefined;
      this.error = undefined;
      this.loaded = true;
      if (!this.#ended) this.#unfollow ??= live.follow((heard) => this.#hear(heard), post.channel_id);
    } catch (error) {
      if (this.loaded && codeOf(error) !== "gone") return;
      this.loaded = false;
      this.error = codeOf(error);
    }
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
    if (event.startsWith("channel.") && channel_id === this.channel?.channel_id) {
      if (channel) this.channel = channel;
      else void this.refresh();
    } else if (post_id === this.id) void this.reread(this.id);
    else if (post?.thread_root === this.id) this.#put(post);
    else if (post_id !== undefined && this.#holds(post_id)) void this.reread(post_id);
  }

  /** The post or a comment as it is now. */
  async reread(id: string): Promise<void> {
    try {
      this.#put(await space.findPost(await personas.known(), id));
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

  /** Whether the comment went out. */
  async write(): Promise<boolean> {
    const text = this.text.trim();
    if (text === "") return false;
    const done = await this.press.done(async () => {
      this.#put(await space.createComment(await author(), this.id, text, this.#once));
    });
    if (!done) return false;
    this.text = "";
    this.#once = space.makeOnce();
    return true;
  }

  async edit(post: Post, text: string): Promise<void> {
    this.#put(await space.editPost(await author(), post, text));
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
