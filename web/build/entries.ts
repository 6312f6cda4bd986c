/** Which worker is being bundled: the plugins of workers are the same for all. */

/**
 * Whether it is of calls, the call worker or the audio thread's part, which have no MLS and none of its libraries. input:
 * of a plugin's `buildStart`.
 */
export const isCallWorker = (input: unknown): boolean =>
  /callworker\.ts|calls-sound\.ts/.test(JSON.stringify(input ?? ""));
