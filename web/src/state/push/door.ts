/** The way to what looks after push: it is loaded where somebody switched it on. */
import { browser } from "../host.ts";

/** Whether the person was asked, or chose by themselves. */
export function isPushAsked(): boolean {
  return browser().readPreference("push") !== undefined;
}

/** The account leaves this browser: nothing wakes it any more. */
export async function leavePush(): Promise<void> {
  if (browser().readPreference("push") !== "yes") return;
  // Without its code the push service still hears of the end: the server deletes the row with the device.
  const found = await import("./push.svelte.ts").catch(() => undefined);
  await found?.push.leave();
}
