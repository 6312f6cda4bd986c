/** Local notifications while a tab lives. Android shows them through the service worker only. */
import type { LocalNotification } from "../browser.ts";

export function canNotify(): boolean {
  return "Notification" in globalThis;
}

export function notify({ title, body, tag, press }: LocalNotification): void {
  if (!canNotify() || Notification.permission !== "granted") return;
  const options: NotificationOptions = { body, tag, icon: "./icon-192.png", dir: "auto" };
  try {
    const shown = new Notification(title, options);
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
