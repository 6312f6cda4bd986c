/** The way to what looks after push: it is loaded where somebody switched it on. */
import { browser, call } from "../host.ts";

/** Whether the person was asked, or chose by themselves. */
export function isPushAsked(): boolean {
  return browser().readPreference("push") !== undefined;
}

/** Erase this browser: the server is told while there is a session. */
export async function logOut(): Promise<void> {
  await leavePush();
  await call("log_out");
}

/** End the account; where that fails it goes on as it was, and is woken. */
export async function deleteAccount(): Promise<void> {
  await call("delete_account");
  await leavePush();
}

/** Erase this browser behind a closed app lock, where no session can tell the server. */
export async function eraseLocked(): Promise<void> {
  await leavePush();
  await call("lock_erase");
}

/** The account leaves this browser: nothing wakes it any more. */
async function leavePush(): Promise<void> {
  if (browser().readPreference("push") !== "yes") return;
  // Without its code the push service still hears of the end: the server deletes the row with the device.
  const found = await import("./push.svelte.ts").catch(() => undefined);
  await found?.push.leave();
}
