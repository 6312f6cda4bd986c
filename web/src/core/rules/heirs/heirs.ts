/** Successor groups (service.md 6): loaded where a group is stuck or grows, or another one says that it follows. */
export { dropPointless } from "./dropping.ts";
export * from "./growing.ts";
export * from "./judging.ts";
export { note as noteLower, waits } from "./lower.ts";
export * from "./making.ts";
export * from "./merging.ts";
export { goWithout, takeBack, tellLists } from "./missing.ts";
export * from "./moving.ts";
export { checkWelcome, tellChanges } from "../rejoining.ts";
export * from "./settling.ts";
