/** What crosses between a tab and the worker about the way to the server. Times are Unix milliseconds. */

/**
 * How the server is reached. `waiting` is the pause between rounds; `blocked`: the network works, but nothing to the
 * server passes; `server_down`: the way there works and nobody answers; `offline`: no network. The worker decides, and
 * keeps the alarming three (`blocked`, `server_down`, `offline`) back for 20 s unless the browser itself is offline.
 */
export type ConnectionState = "direct" | "via" | "slow" | "trying" | "waiting" | "blocked" | "server_down" | "offline";

export interface Connection {
  readonly state: ConnectionState;
  /** When this state began. */
  readonly since: number;
  readonly server: string;
  /** Own messages that wait for a route. */
  readonly queued: number;
  /** Host of the route in use where it is not the origin; in `slow` too. */
  readonly via?: string;
  /** Routes under way in `trying`. */
  readonly trying?: number;
  /** The last round trip over the route in use, where one is known. */
  readonly round_trip_ms?: number;
  readonly last_ok_at?: number;
  /** Every route that this device knows of and that was tried or may be tried, the one in use first. */
  readonly routes: readonly Route[];
  /** Private bridges held. */
  readonly bridges: number;
}

/** One route and how it went last on this network. */
export interface Route {
  readonly id: string;
  readonly kind: "origin" | "front" | "bridge";
  /** Its host; of their own bridges too. */
  readonly name: string;
  /** A private bridge of this person. */
  readonly own: boolean;
  readonly strategy: "wss" | "poll";
  readonly segmented: boolean;
  /** In use now. */
  readonly chosen: boolean;
  /** Absent: not tried yet on this network. `works`: it answers, and 24 KiB have not passed yet; `frozen`: it stopped on the way. */
  readonly result?: "proved" | "works" | "failed" | "frozen";
  /** Of the last failure, words of design/reach.md section 3. */
  readonly stage?: string;
  readonly reason?: string;
  readonly tried_at?: number;
  readonly round_trip_ms?: number;
  readonly last_ok_at?: number;
}

/** What a bridge link holds, before anything is done with it. */
export interface BridgesPreview {
  readonly hosts: readonly string[];
  /** They lead to the server of this account; without an account: to the server of this page. */
  readonly ours: boolean;
  /** All of them are here already. */
  readonly known: boolean;
}

export interface ReachCalls {
  /** Try every route again now. */
  reconnect(): void;
  /** Reads `<front>/b#...` and `zajil:...`; changes nothing. Throws `bad-link`. */
  preview_bridges(a: { text: string }): BridgesPreview;
  /** Keeps them, in place of those held before, and tries them. Throws `bad-link`, `not-this-server`. */
  add_bridges(a: { text: string }): { added: number };
  /** A link with bridges for somebody else, of one's own quota. Throws `too-young`, `quota`, `unreachable`, `gone`. */
  share_bridges(): { link: string; left?: number };
  /** Forgets the private bridges held. */
  remove_bridges(): void;
}
