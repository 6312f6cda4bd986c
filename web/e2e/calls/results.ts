/** What a long run found, kept where the tables of calls are made: tests/calls/results. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import type { Browser } from "@playwright/test";

const FOLDER = resolve(import.meta.dirname, "../../../tests/calls/results");

/** Seconds of processor that each kind of the browser's processes has spent so far, and how many there are. */
export async function spentBy(browser: Browser): Promise<Map<string, { seconds: number; processes: number }>> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const spent = new Map<string, { seconds: number; processes: number }>();
  for (const { type, cpuTime } of processInfo) {
    const before = spent.get(type) ?? { seconds: 0, processes: 0 };
    spent.set(type, { seconds: before.seconds + cpuTime, processes: before.processes + 1 });
  }
  return spent;
}

/** Writes one part of mesh.json and leaves the others; a part has the machine it was measured on. */
export function keepResult(browser: Browser, part: "mesh" | "setup", figures: object): void {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, "mesh.json");
  const machine = { chromium: browser.version(), cores: cpus().length };
  const all = { ...readResults(file), [part]: { ...figures, ...machine } };
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
}

function readResults(file: string): object {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as object;
  } catch {
    return {};
  }
}
