/** How the server is reached: in a word, whether that calls for alarm yet, and whether it really changed. */
import type { Connection } from "../core/api.ts";
import { isolateLeftToRight } from "../i18n/bidi.ts";
import { t } from "../i18n/catalogue.ts";
import { counted } from "../i18n/number.ts";

/** So long a lost connection is no cause for alarm: most come back within seconds. */
const CALM_MS = 20_000;

/** Messages go out in this state. */
export function isConnected({ state }: Connection): boolean {
  return state === "direct" || state === "via" || state === "slow";
}

/** The state in a few words; a host's name in them is isolated. */
export function sayState(connection: Connection): string {
  const { state, trying, via } = connection;
  switch (state) {
    case "direct":
      return t.route_direct();
    case "via":
      return via === undefined ? t.route_via() : `${t.route_via()} ${isolateLeftToRight(via)}`;
    case "slow":
      return t.route_slow();
    case "trying":
      return trying === undefined || trying < 1 ? t.route_connecting() : t.route_trying(counted(trying));
    case "waiting":
      return t.route_waiting();
    case "blocked":
      return t.route_blocked();
    case "server_down":
      return t.route_server_down();
    case "offline":
      return t.route_offline();
  }
}

/** Whoever shows the route. */
export interface RouteListener {
  /** calm: there is a way, or it was lost a moment ago. */
  calm(calm: boolean): void;
  /** Read aloud. */
  say(words: string): void;
}

/** Follows the connection, state by state. */
export class RouteWatch {
  #calm = true;
  #lostAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heard: string | undefined;
  readonly #listener: RouteListener;

  constructor(listener: RouteListener) {
    this.#listener = listener;
  }

  /** now: Unix ms. */
  see(connection: Connection, now = Date.now()): void {
    clearTimeout(this.#timer);
    if (isConnected(connection)) this.#lostAt = undefined;
    else this.#lostAt ??= Math.min(connection.since, now);
    const left = this.#lostAt === undefined ? CALM_MS : this.#lostAt + CALM_MS - now;
    this.#calm = left > 0;
    this.#listener.calm(this.#calm);
    if (this.#lostAt !== undefined && left > 0) this.#timer = setTimeout(() => this.see(connection), left);
    this.#tell(connection);
  }

  /** A break that ends before it alarms is no change; rounds of trying and waiting are one. */
  #tell(connection: Connection): void {
    const { state, via } = connection;
    const looking = state === "trying" || state === "waiting";
    if (looking && this.#calm) return;
    const heard = looking ? "looking" : state === "via" ? `via ${via ?? ""}` : state;
    if (heard === this.#heard) return;
    // That all is well from the start needs no words.
    if (this.#heard !== undefined || !isConnected(connection)) this.#listener.say(sayState(connection));
    this.#heard = heard;
  }
}
