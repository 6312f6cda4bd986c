/** Calls about routes. Nothing here knows bridges yet, so nothing is taken for one. */
import { error } from "../../protocol/errors.ts";
import type { Handlers } from "./handlers.ts";

type Names = "preview_bridges" | "add_bridges" | "share_bridges" | "remove_bridges";

/** Calls about routes. */
export function reachVerbs(): Handlers<Names> {
  return {
    preview_bridges: () => Promise.reject(error("bad-link")),
    add_bridges: () => Promise.reject(error("bad-link")),
    share_bridges: () => Promise.reject(error("gone")),
    remove_bridges: () => Promise.resolve(),
  };
}
