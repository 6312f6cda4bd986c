/** Says to the core that somebody is there, while app lock is on: it closes by itself where nobody is. */
import { callStart } from "../callstart.svelte.ts";
import { browser, call } from "../host.ts";

/** No more often than this. */
const EVERY_MS = 5_000;
/** A call that goes on is somebody who is there. */
const CALL_MS = 15_000;

/** Watches until the answer is called. */
export function watchPresence(): () => void {
  let told = 0;
  const tell = (): void => {
    told = Date.now();
    void call("lock_touch").catch(() => undefined);
  };
  const active = (): void => {
    if (Math.abs(Date.now() - told) >= EVERY_MS && browser().visible()) tell();
  };
  // Whoever comes back to a page that slept finds it closed before anything else: this is looked at at once.
  const ends = [browser().onActivity(active), browser().onVisibility((visible) => visible && tell())];
  const calling = setInterval(() => callStart.here && tell(), CALL_MS);
  tell();
  return () => {
    for (const end of ends) end();
    clearInterval(calling);
  };
}
