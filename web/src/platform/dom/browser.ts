/** The browser itself, as far as the page needs it. */
import type { Browser, TabWord } from "../browser.ts";
import { canNotify, notify, withdraw } from "./notifications.ts";
import { startScan } from "./scan.ts";
import { createUpdates } from "./updates.ts";

const PREFIX = "zajil.";
const ACTIVITY = ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"] as const;

export function createBrowser(): Browser {
  const updates = createUpdates();
  return {
    secure: globalThis.isSecureContext && "crypto" in globalThis,
    readPreference,
    writePreference,
    onPreference(listener) {
      const heard = (event: StorageEvent): void => {
        if (event.key?.startsWith(PREFIX)) listener();
      };
      addEventListener("storage", heard);
      return () => removeEventListener("storage", heard);
    },
    copy: (text) => settle(() => navigator.clipboard.writeText(text)),
    async paste() {
      try {
        return await navigator.clipboard.readText();
      } catch {
        return undefined; // refused, or the browser cannot
      }
    },
    canShare: "share" in navigator,
    share: (content) => settle(() => navigator.share(content)),
    saveText,
    address: () => new URL(".", location.href).href.replace(/\/$/, ""),
    print: () => print(),
    openFiles: async () => (await import("../files/filetools.ts")).fileTools,
    visible: () => document.visibilityState === "visible",
    onVisibility(listener) {
      const heard = (): void => listener(document.visibilityState === "visible");
      document.addEventListener("visibilitychange", heard);
      return () => document.removeEventListener("visibilitychange", heard);
    },
    onActivity(listener) {
      const options = { capture: true, passive: true };
      for (const name of ACTIVITY) addEventListener(name, listener, options);
      return () => {
        for (const name of ACTIVITY) removeEventListener(name, listener, options);
      };
    },
    notificationPermission: () => (canNotify() ? Notification.permission : "absent"),
    askNotifications: async () => canNotify() && (await Notification.requestPermission()) === "granted",
    notify: (notification) => void notify(notification),
    withdraw,
    ring(kind) {
      const coming = import("./ring.ts").then(({ startRing }) => startRing(kind));
      return () => void coming.then((stop) => stop());
    },
    openTabs(hear) {
      const channel = new BroadcastChannel("zajil-call");
      // Only this client's own tabs reach it.
      channel.onmessage = ({ data }: MessageEvent<TabWord>) => hear(data);
      return { say: (word) => channel.postMessage(word), close: () => channel.close() };
    },
    onUpdate: updates.on,
    update: updates.take,
    reload: () => location.reload(),
    persist: async () => (await navigator.storage?.persist?.()) ?? false,
    openPasskeys: () => import("../passkeys/passkeys.ts"),
    hasCamera: "mediaDevices" in navigator,
    scan: startScan,
  };
}

function readPreference(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined; // storage is switched off: the defaults hold
  }
}

function writePreference(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is switched off or full: the choice lasts as long as the tab.
  }
}

async function settle(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
