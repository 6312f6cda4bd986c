/**
 * A message wakes a browser whose tab is closed. The server, its push and the push service (tests/push/service.py, which
 * checks the VAPID token and decrypts) are real. Chromium cannot reach a push service here, so two things are not: a
 * stand-in of PushManager gives the page a subscription of that service, and the tools of the browser's developers hand
 * what the service decrypted to the service worker.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { BrowserContext, CDPSession } from "@playwright/test";
import { Hands } from "./acts.ts";
import { BIN } from "./programs.ts";
import { expect, test } from "./world.ts";

test.use({ settings: '[push]\nhosts = ["127.0.0.1"]\nprivate = true\n' });

const SLOW = { timeout: 60_000 };

interface Heard {
  readonly pushes: readonly { readonly text: string; readonly urgency: string; readonly ttl: number }[];
  readonly refused: readonly string[];
}

/** The push service, in a process of its own. */
class Service {
  #child: ChildProcessWithoutNullStreams | undefined;
  #url = "";

  async start(): Promise<void> {
    const child = spawn(join(BIN, "python"), ["-m", "tests.push.service", "0"], {
      cwd: resolve(import.meta.dirname, "../.."),
    });
    this.#child = child;
    child.stderr.pipe(process.stderr);
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^ready (\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      this.#url = `http://127.0.0.1:${port}`;
      return;
    }
  }

  stop(): void {
    this.#child?.kill();
  }

  async subscribe(key: string): Promise<unknown> {
    return (await fetch(`${this.#url}/made?key=${key}`)).json();
  }

  async heard(): Promise<Heard> {
    return (await (await fetch(`${this.#url}/heard`)).json()) as Heard;
  }
}

/** PushManager as far as the page uses it; the subscription lives as long as the browser's storage. */
async function standIn(context: BrowserContext, service: Service): Promise<void> {
  await context.exposeBinding("makeSubscription", (_, key: string) => service.subscribe(key));
  await context.addInitScript(() => {
    if (!("ServiceWorkerRegistration" in globalThis)) return;
    interface Made {
      endpoint: string;
      keys: Record<string, string>;
      key: string;
    }
    const bytes = (text: string): ArrayBuffer =>
      Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer;
    const wrap = (made: Made): unknown => ({
      endpoint: made.endpoint,
      options: { applicationServerKey: bytes(made.key) },
      getKey: (name: string) => bytes(made.keys[name] ?? ""),
      unsubscribe: () => {
        localStorage.removeItem("stand-in");
        return Promise.resolve(true);
      },
    });
    const manager = {
      getSubscription() {
        const kept = localStorage.getItem("stand-in");
        return Promise.resolve(kept === null ? null : wrap(JSON.parse(kept) as Made));
      },
      async subscribe({ applicationServerKey }: { applicationServerKey: Uint8Array }) {
        const key = btoa(String.fromCharCode(...applicationServerKey))
          .replaceAll("+", "-")
          .replaceAll("/", "_")
          .replaceAll("=", "");
        const make = (globalThis as unknown as { makeSubscription(key: string): Promise<Omit<Made, "key">> })
          .makeSubscription;
        const made = { ...(await make(key)), key };
        localStorage.setItem("stand-in", JSON.stringify(made));
        return wrap(made);
      },
    };
    Object.defineProperty(ServiceWorkerRegistration.prototype, "pushManager", { get: () => manager });
  });
}

/** The service worker's registration, as the tools know it. */
async function registrationOf(tools: CDPSession, url: string): Promise<string> {
  const found = new Promise<string>((done) => {
    tools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL.startsWith(url) && !isDeleted);
      if (own) done(own.registrationId);
    });
  });
  await tools.send("ServiceWorker.enable");
  return found;
}

interface Shown {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
}

/** Notifications of this browser that are on show, as its service worker sees them. */
async function shownIn(context: BrowserContext): Promise<readonly Shown[]> {
  const [worker] = context.serviceWorkers();
  if (!worker) return [];
  return worker.evaluate(async () => {
    const { registration } = globalThis as unknown as ServiceWorkerGlobalScope;
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
  });
}

test("a message wakes a closed tab, says nothing, and is there when it is opened; muted and logged out it is quiet", async ({
  server,
  pair,
}) => {
  test.setTimeout(240_000);
  const service = new Service();
  await service.start();
  try {
    const { anna, browser, pia } = await pair();
    const { context } = browser;
    await context.grantPermissions(["notifications"], { origin: server.url });
    await standIn(context, service);
    // The question is for who comes back: to a page that the service worker has by then.
    await anna.page.evaluate(() => navigator.serviceWorker.ready);
    await anna.page.reload();

    // The first chat is there: the question comes, and Settings say what it tells whom.
    await expect(anna.see("push-offer")).toBeVisible(SLOW);
    await anna.press("push-offer-yes");
    await expect.poll(() => server.sql("SELECT * FROM push").length, SLOW).toBe(1);
    await expect(anna.see("push-offer")).toBeHidden();
    await anna.goTo("#/settings/notifications");
    await expect(anna.see("push-switch")).toBeChecked();
    await expect(anna.see("push")).toContainText("never what was written");

    // Away.
    const tools = await context.newCDPSession(await context.newPage());
    const registrationId = await registrationOf(tools, server.url);
    await anna.page.close();
    await pia.ask("send", { chat: "Anna", text: "are you there?" });
    await pia.ask("sync");
    await expect.poll(async () => (await service.heard()).pushes.length, SLOW).toBeGreaterThan(0);
    const { pushes, refused } = await service.heard();
    expect(refused).toEqual([]);
    expect(new Set(pushes.map(({ text }) => text)).size).toBe(1);
    expect(pushes[0]).toMatchObject({ urgency: "normal", ttl: 28 * 86_400 });

    const data = pushes[0]?.text ?? "";
    for (let times = 0; times < 2; times++)
      await tools.send("ServiceWorker.deliverPushMessage", { origin: server.url, registrationId, data });
    await expect
      .poll(() => shownIn(context), SLOW)
      .toEqual([{ title: "Zajil", body: "Something new is waiting for you.", tag: "wake" }]);

    // Back: the message is there, and the notification is not.
    const page = await browser.tab();
    const again = new Hands(page);
    await again.open(server.url);
    await again.openChat("Pia");
    await again.sees("are you there?");
    await expect.poll(() => shownIn(context), SLOW).toEqual([]);

    // A push while somebody looks shows nothing.
    await tools.send("ServiceWorker.deliverPushMessage", { origin: server.url, registrationId, data });
    await expect.poll(() => shownIn(context)).toEqual([]);

    // Off and on again by the switch.
    await again.goTo("#/settings/notifications");
    await expect(again.see("push-switch")).toBeChecked();
    await again.press("push-switch");
    await expect.poll(() => server.sql("SELECT * FROM push").length, SLOW).toBe(0);
    await again.press("push-switch");
    await expect.poll(() => server.sql("SELECT * FROM push").length, SLOW).toBe(1);

    // Who leaves is not woken any more.
    await again.goTo("#/settings");
    await again.press("log-out");
    await again.see("log-out-dialog").getByRole("button", { name: "Erase everything" }).click();
    await expect.poll(() => server.sql("SELECT * FROM push").length, SLOW).toBe(0);
  } finally {
    service.stop();
  }
});
