/** Local notifications while a tab lives. Android shows them through the service worker only. */
import type { LocalNotification } from "../browser.ts";

export function canNotify(): boolean {
  return "Notification" in globalThis;
}

/** Tabs ask each other whether one of them is looked at: then none notifies. */
const ASK_MS = 150;
const tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("zajil-seen") : undefined;
const seen = new Set<() => void>();
tabs?.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (data === "who" && document.visibilityState === "visible") tabs.postMessage("me");
  else if (data === "me") for (const heard of seen) heard();
});

function isAnyTabSeen(): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (result: boolean) => (): void => {
      clearTimeout(timer);
      seen.delete(heard);
      resolve(result);
    };
    const timer = setTimeout(() => answer(false)(), ASK_MS);
    const heard = answer(true);
    seen.add(heard);
    tabs?.postMessage("who");
  });
}

export async function notify(notification: LocalNotification): Promise<void> {
  if (!canNotify() || Notification.permission !== "granted" || (await isAnyTabSeen())) return;
  show(notification);
}

/** Those that this page shows, by their tag. */
const open = new Map<string, Notification>();

export function withdraw(tag: string): void {
  open.get(tag)?.close();
  open.delete(tag);
  void navigator.serviceWorker?.getRegistration().then(async (worker) => {
    for (const shown of (await worker?.getNotifications({ tag })) ?? []) shown.close();
  });
}

function show({ title, body, tag, press }: LocalNotification): void {
  const options: NotificationOptions = { body, tag, icon: "./icon-192.png", dir: "auto" };
  try {
    const shown = new Notification(title, options);
    open.set(tag, shown);
    shown.addEventListener("click", () => {
      globalThis.focus();
      press();
      shown.close();
    });
  } catch {
    // Chromium on Android throws here and wants the service worker; a press opens the app.
    void navigator.serviceWorker?.ready.then((worker) => worker.showNotification(title, options));
  }
}
