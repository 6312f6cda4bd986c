/** The client's files, kept by the service worker for starts without a server. */
import type { Browser } from "../browser.ts";

/** How long a page has been there when it asks for what nobody opens first. */
const QUIET_MS = 5_000;
/** When a server that was away is asked for the service worker again. */
const AGAIN_MS = 15_000;

/** Has them kept, in the language of the page. Where the browser refuses, all works but the start without a server. */
export async function keepClient(script: string, browser: Pick<Browser, "readPreference">): Promise<void> {
  try {
    const left = await caches.open("zajil-language");
    await left.put("language", new Response(document.documentElement.lang));
    await navigator.serviceWorker.register(script, { scope: "./" });
    const { active } = await navigator.serviceWorker.ready;
    if (active !== null) askForRest(active, browser);
  } catch (problem) {
    // The server is away. Else as above.
    if (problem instanceof TypeError) setTimeout(() => void keepClient(script, browser), AGAIN_MS);
  }
}

/** Once there is an account, and the line is not one on which each byte counts: what is used is kept there too. */
function askForRest(worker: ServiceWorker, browser: Pick<Browser, "readPreference">): void {
  const { connection } = navigator as { connection?: { readonly saveData?: boolean } };
  if (connection?.saveData === true) return;
  setTimeout(() => {
    if (browser.readPreference("account") === "yes") worker.postMessage("keep-all");
    else askForRest(worker, browser);
  }, QUIET_MS);
}
