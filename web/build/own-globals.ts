/** Test set-up: what a file of tests puts in the place of a browser's globals goes with it; files share a worker. */
import { afterAll, vi } from "vitest";

afterAll(() => {
  vi.unstubAllGlobals();
});
