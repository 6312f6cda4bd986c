/** Wires the page: words, worker, view models, screens. Runs after boot.js has set theme, language and direction. */
import { mount } from "svelte";
import workerUrl from "./core/worker.ts?worker&url";
import { type Link, type WorkerLike, connect } from "./core/link.ts";
import { LANGUAGES, type Language, beginWith } from "./i18n/catalogue.ts";
import { createBrowser } from "./platform/dom/browser.ts";
import { keepClient } from "./platform/dom/kept.ts";
import { callWorkerUrl, callsOf } from "./platform/calls/open.ts";
import { useHost } from "./state/host.ts";
import App from "./ui/App.svelte";
// Keys of the words that are said at once: in the start, not a file of their own.
import "virtual:messages/keys/first";
import "./styles/tokens.css";
import "./styles/app.css";

/** The only scripts that may ever be started by name; anything else throws under Trusted Types. */
const SCRIPTS: readonly string[] = ["./sw.js", workerUrl, callWorkerUrl];

interface ScriptPolicy {
  createScriptURL(url: string): string;
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptPolicy;
}

const rules = {
  createScriptURL(url: string): string {
    if (!SCRIPTS.includes(url)) throw new TypeError("not a script of this client");
    return url;
  },
};
const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
const policy: ScriptPolicy = trusted?.createPolicy("zajil", rules) ?? rules;

/** The worker with keys, MLS and sync. Nobody in seed mode (screens), and over plain HTTP, where it could not even start. */
function startWorker(): WorkerLike {
  if (import.meta.env.MODE === "seed" || !isSecureContext)
    return { postMessage: () => undefined, addEventListener: () => undefined };
  return new Worker(policy.createScriptURL(workerUrl), { type: "module", name: "zajil" });
}

/** So long the first chat has the line for itself. */
const FIRST_MS = 3_000;
/** Whoever has not signed up by then reads, or types. */
const LOOKING_MS = 10_000;

/** Once a newcomer has an account and its first screens, or waits for nothing. */
async function settled(link: Link): Promise<void> {
  await link.call("status").catch(() => undefined);
  await new Promise<void>((resolve) => {
    setTimeout(resolve, LOOKING_MS);
    link.on((event) => {
      if (event.event === "status" && event.status.me !== undefined) setTimeout(resolve, FIRST_MS);
    });
  });
}

function chosenLanguage(): Language {
  const chosen = document.documentElement.lang;
  return LANGUAGES.find((language) => language === chosen) ?? "en";
}

async function start(): Promise<void> {
  const target = document.getElementById("app");
  if (target === null) return;
  await beginWith(chosenLanguage());
  // More than all that the first screen needs. That lies here or is nearly here by now (boot.js), so the line brings this
  // while the screen is drawn.
  const link = connect(startWorker());
  const tell = (): void => {
    link.setVisible(document.visibilityState === "visible");
  };
  document.addEventListener("visibilitychange", tell);
  tell();
  const startCallWorker = (): Worker =>
    new Worker(policy.createScriptURL(callWorkerUrl), { type: "module", name: "zajil-calls" });
  const browser = createBrowser();
  useHost({ link, browser, openCalls: callsOf(link, startCallWorker) });
  const newcomer = browser.secure && browser.readPreference("account") !== "yes";
  mount(App, { target, props: { link } });
  if (import.meta.env.PROD && "serviceWorker" in navigator && import.meta.env.MODE !== "seed") {
    // What is kept for later shares the line with what is waited for.
    if (newcomer) await settled(link);
    // A string would fail silently under Trusted Types.
    await keepClient(policy.createScriptURL("./sw.js"), browser);
  }
}

void start();
