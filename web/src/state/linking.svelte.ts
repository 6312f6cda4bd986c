/** This browser becomes a further device of an account: what the new device shows while it waits. */
import type { LinkProgress } from "../core/api.ts";
import { Press } from "./ask.svelte.ts";
import { call, listen } from "./host.ts";

export class Linking {
  progress = $state.raw<LinkProgress | undefined>();
  readonly press = new Press();

  /** Follow the progress; leaving the screen ends the offer. */
  listen(): () => void {
    const end = listen((event) => {
      if (event.event === "linking") this.progress = event.progress;
    });
    return () => {
      end();
      if (this.progress?.phase === "waiting") void call("cancel_linking").catch(() => undefined);
    };
  }

  /** device: what the other device will be shown. */
  async start(device: string): Promise<void> {
    this.progress = undefined;
    await this.press.run(() => call("start_linking", { device_name: device }));
  }
}

/** "Chromium on Linux": how this browser calls itself to the device that approves it. agent: navigator.userAgent. */
export function nameOfBrowser(agent: string): string {
  const browsers: readonly (readonly [RegExp, string])[] = [
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/SamsungBrowser\//, "Samsung Internet"],
    [/Firefox\/|FxiOS\//, "Firefox"],
    [/Chrome\/|CriOS\//, "Chrome"],
    [/Safari\//, "Safari"],
  ];
  const systems: readonly (readonly [RegExp, string])[] = [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ];
  const browser = browsers.find(([sign]) => sign.test(agent))?.[1] ?? "Browser";
  const system = systems.find(([sign]) => sign.test(agent))?.[1];
  return system === undefined ? browser : `${browser} · ${system}`;
}
