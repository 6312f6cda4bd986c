/** Wires the page: words, worker, view models, screens. Runs after boot.js has set theme, language and direction. */
import { mount } from "svelte";
import workerUrl from "./core/worker.ts?worker&url";
import { type WorkerLike, beginLater, connect } from "./core/link.ts";
import { LANGUAGES, type Language, useLanguage } from "./i18n/catalogue.ts";
import { createBrowser } from "./platform/dom/browser.ts";
import { keepClient } from "./platform/dom/kept.ts";
import { callWorkerUrl, callsOf } from "./platform/calls/open.ts";
import { useHost } from "./state/host.ts";
import App from "./ui/App.svelte";
import { loadScreen } from "./ui/screens.ts";
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

function chosenLanguage(): Language {
  const chosen = document.documentElement.lang;
  return LANGUAGES.find((language) => language === chosen) ?? "en";
}

async function start(): Promise<void> {
  const target = document.getElementById("app");
  if (target === null) return;
  await useLanguage(chosenLanguage());
  const worker = beginLater(startWorker);
  const link = connect(worker);
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
  if (!newcomer) worker.begin();
  mount(App, { target, props: { link } });
  if (newcomer) {
    // The worker is more than all that the first screen needs, so it lets that through first.
    await loadScreen("Start").catch(() => undefined);
    setTimeout(worker.begin);
  }
  if (import.meta.env.PROD && "serviceWorker" in navigator && import.meta.env.MODE !== "seed") {
    // What is kept for later shares the line with what is waited for.
    if (newcomer) await link.call("status").catch(() => undefined);
    // A string would fail silently under Trusted Types.
    await keepClient(policy.createScriptURL("./sw.js"), browser);
  }
}

void start();
