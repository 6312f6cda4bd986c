/** Making, judging and following successors: loaded where a group is stuck, or another one says that it follows. */
import { once } from "../../lazy.ts";

export const heirs = once(
  () => import("./heirs.ts"),
  (loaded) => loaded,
);
