/** Calls about links into groups. What carries them out is loaded with the first one, or where something waits. */
import { once } from "../lazy.ts";
import { findJoins } from "../state/joins.ts";
import type { Told } from "../state/step.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import type { Joiner } from "./joins.ts";
import type { JoinCalls } from "./view.ts";

const NAMES: readonly (keyof JoinCalls)[] = [
  ...(["set_permissions", "group_links", "make_group_link", "revoke_group_link", "join_requests"] as const),
  ...(["answer_join", "preview_group_link", "ask_to_join", "joins", "forget_join"] as const),
];
/** After these something that waits may be settled. */
const NEWS: readonly Told["code"][] = ["asked", "members", "joined", "rejoined"];

/** The links of one leading device. */
export class JoinDoor {
  readonly #host: Host;
  readonly #open: () => Promise<Joiner>;
  #opened: Joiner | undefined;
  readonly verbs: Handlers<keyof JoinCalls>;

  constructor(host: Host) {
    this.#host = host;
    this.#open = once(
      () => import("./joins.ts"),
      ({ Joiner }) => (this.#opened = new Joiner(host)),
    );
    const verbs = NAMES.map((name) => [name, async (a: never) => (await this.#open()).verbs[name](a)]);
    this.verbs = Object.fromEntries(verbs) as Handlers<keyof JoinCalls>; // each name has its own arguments, on both sides
  }

  /** Go on with what waits. */
  async begin(): Promise<void> {
    if (await this.#host.store.look((tx) => findJoins(tx))) await (await this.#open()).work();
  }

  /** Steps told this: what came is worked off, who is in waits no more. */
  async hear(told: readonly Told[]): Promise<void> {
    if (told.some(({ code }) => NEWS.includes(code))) await this.begin();
  }

  close(): void {
    this.#opened?.close();
  }
}
