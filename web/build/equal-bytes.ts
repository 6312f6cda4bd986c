/** Test set-up: byte arrays compare in one native call; vitest walks their keys, and takes seconds for a group's state. */
import { expect } from "vitest";

expect.addEqualityTesters([
  (a: unknown, b: unknown): boolean | undefined => {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array) || a.constructor !== b.constructor) return undefined;
    return Buffer.compare(a, b) === 0;
  },
]);
