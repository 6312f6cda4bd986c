/** One reviewer's desk: queues, the item at hand, the decision about it, and a minute to take that back. */
import { Ask, Press } from "../ask.svelte.ts";
import { call, newNonce } from "./calls.ts";
import { session } from "./session.svelte.ts";
import { type Cluster, type Item, readCluster, readItem } from "./item.ts";
import {
  type Decided,
  type ItemBrief,
  type Queue,
  type Queues,
  readDecided,
  readItems,
  readNothing,
  readQueues,
  type TargetKind,
} from "./shapes.ts";

/** What can be decided, in the order of the buttons. */
export const ACTIONS = {
  post: ["allow", "label", "limit", "hold", "remove", "restore", "escalate"],
  persona: ["allow", "strike", "suspend_persona", "restore", "escalate"],
  channel: ["allow", "restrict_channel", "block_channel", "restore", "escalate"],
  cluster: ["allow_cluster", "remove_cluster"],
} as const satisfies Readonly<Record<TargetKind, readonly string[]>>;
export type Action = (typeof ACTIONS)[TargetKind][number];
/** Actions that need a category. */
const RESTRICTING: ReadonlySet<string> = new Set([
  ...["label", "limit", "hold", "remove", "remove_cluster", "strike", "suspend_persona"],
  ...["restrict_channel", "block_channel"],
]);
export const NOTE_CHARACTERS = 1000;

export const restricts = (action: Action): boolean => RESTRICTING.has(action);

export interface Filters {
  readonly category?: string;
  readonly lang?: string;
  readonly source?: string;
}

/** A decision that is being made: nothing is sent before it is confirmed. */
export interface Draft {
  readonly action: Action;
  /** Sent again after a failure, it is the same decision. */
  readonly nonce: string;
}

/** The decision of a moment ago. until: Unix seconds; 0 where it cannot be taken back here. */
export interface Last {
  readonly item: string;
  readonly action: string;
  readonly category: string;
  readonly copies: number;
  readonly waits: boolean;
  readonly until: number;
}

class Desk {
  readonly queues: Ask<Queues> = new Ask(() => call("GET", "/queues", readQueues));
  readonly list: Ask<readonly ItemBrief[]> = new Ask(() =>
    call("GET", `/queues/${this.name}`, readItems, { query: { ...this.filters } }),
  );
  name = $state<Queue>("main");
  filters = $state.raw<Filters>({});
  item = $state.raw<Item | undefined>();
  /** Whether texts are shown; every item starts hidden. */
  shown = $state(false);
  draft = $state.raw<Draft | undefined>();
  category = $state("");
  sub = $state("");
  note = $state("");
  cluster = $state.raw<Cluster | undefined>();
  last = $state.raw<Last | undefined>();
  /** Opening, taking, giving back. */
  readonly press = new Press();
  /** Deciding. */
  readonly deciding = new Press();

  /** Whether this member judges at all; auditors read. */
  get judges(): boolean {
    return ["reviewer", "senior", "admin"].includes(session.me?.role ?? "");
  }

  /** At another queue; what was at hand stays claimed until it is given back or ten minutes are over. */
  async goTo(name: Queue): Promise<void> {
    if (name !== this.name) this.list.value = undefined;
    this.name = name;
    this.#close();
    await this.refresh();
  }

  async filter(filters: Filters): Promise<void> {
    this.filters = filters;
    await this.list.refresh();
  }

  async refresh(): Promise<void> {
    await Promise.all([this.queues.refresh(), this.list.refresh()]);
  }

  /** The most urgent item of this queue and filter, or this one, claimed and opened. */
  async take(item?: string): Promise<"opened" | "none" | "failed"> {
    const taken = await this.press.run(async () => {
      const id = this.judges ? await this.#claim(item) : item;
      if (id !== undefined) await this.#open(id);
      return id === undefined ? "none" : "opened";
    });
    if (taken === undefined) await this.list.refresh();
    return taken ?? "failed";
  }

  async #claim(item: string | undefined): Promise<string | undefined> {
    const body = { ...this.filters, ...(item !== undefined && { item }) };
    const [first] = await call("POST", `/queues/${this.name}/claim`, readItems, { body });
    return first?.item_id;
  }

  async #open(id: string): Promise<void> {
    const item = await call("GET", `/items/${id}`, readItem);
    this.#close();
    this.item = item;
    this.category = item.brief.category === "any" ? "" : item.brief.category;
    this.sub = item.brief.sub;
    void this.queues.refresh();
  }

  #close(): void {
    this.item = undefined;
    this.shown = false;
    this.draft = undefined;
    this.cluster = undefined;
    this.category = this.sub = this.note = "";
    this.deciding.error = undefined;
  }

  /** Back in the queue, for anybody. */
  async release(): Promise<void> {
    const id = this.item?.brief.item_id;
    if (id === undefined) return;
    if (this.judges && !(await this.press.done(() => call("POST", `/items/${id}/release`, readNothing)))) return;
    this.#close();
    await this.refresh();
  }

  /** Back in the queue, and another one instead; nothing is held against it. */
  async skip(): Promise<void> {
    const id = this.item?.brief.item_id;
    if (id === undefined || !this.judges) return;
    const others = await this.press.run(() => call("POST", `/items/${id}/skip`, readItems));
    if (others === undefined) return;
    const [next] = others;
    this.#close();
    if (next) await this.press.done(() => this.#open(next.item_id));
    await this.refresh();
  }

  /** Begin a decision about the item at hand. */
  begin(action: Action): void {
    if (!this.judges || this.item === undefined) return;
    this.deciding.error = undefined;
    this.draft = { action, nonce: newNonce() };
  }

  cancel(): void {
    this.draft = undefined;
    this.cluster = undefined;
    this.deciding.error = undefined;
  }

  choose(category: string): void {
    this.category = category;
    this.sub = "";
  }

  /** What a decision about all copies would meet. */
  async preview(): Promise<void> {
    const id = this.item?.brief.cluster_id;
    if (id === undefined || id === "") return;
    await this.press.done(async () => {
      this.cluster = await call("GET", `/clusters/${encodeURIComponent(id)}`, readCluster);
    });
  }

  /** The decision that was begun, about the item or, where a preview is open, about all its copies. */
  async confirm(): Promise<boolean> {
    const { item, draft, cluster } = this;
    if (item === undefined || draft === undefined) return false;
    const words = {
      action: draft.action,
      nonce: draft.nonce,
      note: this.note.trim(),
      ...(this.category !== "" && { category: this.category }),
      ...(this.category !== "" && this.sub !== "" && { sub: this.sub }),
    };
    const id = item.brief.item_id;
    const made = await this.deciding.run(() =>
      session.withKey(() =>
        cluster === undefined
          ? call("POST", `/items/${id}/decide`, readDecided, { body: words })
          : call("POST", `/clusters/${encodeURIComponent(cluster.cluster_id)}/decide`, readDecided, {
              body: { ...words, preview_hash: cluster.preview_hash },
            }),
      ),
    );
    if (made === undefined) {
      // It was judged since: what it is now is shown before anything is decided.
      if (this.deciding.error === "preview-changed") await this.preview();
      return false;
    }
    this.#done(item, made, cluster === undefined || item.brief.kind === "cluster");
    await this.refresh();
    return true;
  }

  #done(item: Item, made: Decided, undoable: boolean): void {
    const { item_id } = item.brief;
    this.#close();
    this.last = {
      item: item_id,
      action: made.action,
      category: made.category,
      copies: made.copies,
      waits: made.waits_for_second,
      until: undoable ? made.undo_until : 0,
    };
  }

  /** Whether the last decision can be taken back. now: Unix seconds. */
  mayUndo(now: number): boolean {
    return this.last !== undefined && this.last.until > now;
  }

  /** The last decision is taken back, and its item is at hand again. */
  async undo(): Promise<boolean> {
    const { last } = this;
    if (last === undefined || last.until === 0) return false;
    const back = await this.press.done(() => call("POST", `/items/${last.item}/undo`, readDecided));
    if (!back) return false;
    this.last = undefined;
    await this.press.done(() => this.#open(last.item));
    await this.refresh();
    return true;
  }

  /** Nothing of one member is left for the next at this browser. */
  clear(): void {
    this.#close();
    this.last = undefined;
    this.name = "main";
    this.filters = {};
    this.list.value = undefined;
    this.queues.value = undefined;
  }
}

export const desk = new Desk();
