/** The channels place: what the persona follows, and what is found. */
import { Ask, Press } from "../ask.svelte.ts";
import { live } from "./live.svelte.ts";
import { personas } from "./personas.svelte.ts";
import type { Channel, ChannelKind, Post } from "./shapes.ts";
import { createChannel, findChannel, makeOnce, search, subscriptions } from "./space.ts";

class Channels {
  /** Those that the persona follows, by handle; none without a persona. */
  readonly followed = new Ask<readonly Channel[]>(async () => {
    const as = await personas.known();
    if (personas.list.value === undefined && personas.list.error !== undefined) throw new Failed(personas.list.error);
    return as === undefined ? [] : subscriptions(as);
  });
  readonly #known = new Map<string, Promise<Channel>>();

  /** Load, and follow changes; answers what ends it. */
  start(): () => void {
    void this.followed.refresh();
    return live.follow((heard) => {
      if (heard.gap || heard.event.event.startsWith("channel.")) void this.followed.refresh();
    });
  }

  /** A channel by its id, for whoever shows one of its posts; asked for once. */
  find(id: string): Promise<Channel> {
    const known = this.#known.get(id);
    if (known) return known;
    const coming = personas.known().then((as) => findChannel(as, id));
    this.#known.set(id, coming);
    coming.catch(() => this.#known.delete(id));
    return coming;
  }

  async create(draft: NewChannelDraft, once: string): Promise<Channel> {
    const as = await personas.known();
    if (as === undefined) throw new Failed("not-allowed");
    const made = await createChannel(as, draft, once);
    live.restart();
    void this.followed.refresh();
    return made;
  }
}

/** Something that failed before any call was made. */
export class Failed extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export const channels = new Channels();

export type NewChannelDraft = Parameters<typeof createChannel>[1];

/** What stands in the form becomes a channel. */
export class NewChannel {
  handle = $state("");
  title = $state("");
  about = $state("");
  kind = $state<ChannelKind>("broadcast");
  comments = $state(true);
  readonly press = new Press();
  #once = makeOnce();
  #sent = "";

  create(lang: string): Promise<Channel | undefined> {
    const draft = {
      handle: this.handle.trim().replace(/^@/, ""),
      title: this.title.trim(),
      about: this.about.trim(),
      kind: this.kind,
      lang,
      comments: this.comments ? ("on" as const) : ("off" as const),
    };
    // The same draft again is the same request; a changed one is another.
    const text = JSON.stringify(draft);
    if (this.#sent !== "" && this.#sent !== text) this.#once = makeOnce();
    this.#sent = text;
    return this.press.run(() => channels.create(draft, this.#once));
  }
}

export interface Hit {
  readonly post: Post;
  readonly channel: Channel | undefined;
}

/** What a query finds: the channel with that handle, and posts. */
export class Search {
  hits = $state.raw<readonly Hit[]>([]);
  channel = $state.raw<Channel>();
  /** The query that these answer. */
  of = $state("");
  readonly press = new Press();
  #next = $state<string>();
  #last = 0;

  readonly more = $derived(this.#next !== undefined);

  /** Find; the answer of an older query that comes later is dropped. */
  async run(query: string): Promise<void> {
    const mine = ++this.#last;
    const q = query.trim();
    if (q === "") {
      this.hits = [];
      this.channel = undefined;
      this.of = "";
      this.#next = undefined;
      this.press.error = undefined;
      return;
    }
    this.press.busy = false;
    await this.press.run(async () => {
      const as = await personas.known();
      const [channel, found] = await Promise.all([this.#byHandle(q), search(as, q)]);
      const hits = await this.#withChannels(found.posts);
      if (mine !== this.#last) return;
      this.channel = channel;
      this.hits = hits;
      this.#next = found.next;
      this.of = q;
    });
  }

  async older(): Promise<void> {
    const mine = this.#last;
    await this.press.run(async () => {
      const found = await search(await personas.known(), this.of, this.#next);
      const hits = await this.#withChannels(found.posts);
      if (mine !== this.#last) return;
      this.hits = [...this.hits, ...hits];
      this.#next = found.next;
    });
  }

  /** A query of one word may be a handle, or the link of a channel. */
  async #byHandle(query: string): Promise<Channel | undefined> {
    const word = linkedHandle(query) ?? query;
    const handle = /^@?([\p{L}\p{M}\p{N}_.]{3,32})$/u.exec(word)?.[1];
    if (handle === undefined) return undefined;
    try {
      return await findChannel(await personas.known(), `@${handle}`);
    } catch {
      return undefined;
    }
  }

  #withChannels(posts: readonly Post[]): Promise<readonly Hit[]> {
    return Promise.all(
      posts.map(async (post) => ({ post, channel: await channels.find(post.channel_id).catch(() => undefined) })),
    );
  }
}

/** The handle in a link like `https://HOST/c/HANDLE`; undefined for anything else. */
function linkedHandle(text: string): string | undefined {
  const word = /^https?:\S+\/c\/([^/?#\s]+)/.exec(text)?.[1];
  try {
    return word === undefined ? undefined : decodeURIComponent(word);
  } catch {
    return undefined;
  }
}
