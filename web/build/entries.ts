/** Which worker is being bundled: the plugins of workers are the same for all. */

/** Whether it is the call worker, which has no MLS and none of its libraries. input: of a plugin's `buildStart`. */
export const isCallWorker = (input: unknown): boolean => JSON.stringify(input ?? "").includes("callworker.ts");
