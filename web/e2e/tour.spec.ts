/** The tour of the README in a browser, beginning with what `make run` starts and prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { BIN } from "./programs.ts";
import { expect, test } from "./world.ts";

/** `zajil run`: the process, and the link it prints once Echo is awake. */
async function run(data: string, port: number): Promise<{ child: ChildProcess; link: string }> {
  const child = spawn(join(BIN, "zajil"), ["run", "--data", data, "--port", String(port)], {
    env: { ...process.env, ZAJIL_WEB: "skip" },
  });
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /http:\/\/127\.0\.0\.1:\d+\/i#[\w-]+/.exec(line);
    if (found) {
      child.stdout.resume();
      return { child, link: found[0] };
    }
  }
  throw new Error("zajil run ended before it printed its link");
}

/** Which buttons moved since the page began: a press on one that moves away does nothing. */
function movedButtons(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    interface Shift extends PerformanceEntry {
      readonly sources: readonly { readonly node: Element | null }[];
    }
    const seen: PerformanceEntry[] = [];
    const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    observer.disconnect();
    const nodes = (seen as Shift[]).flatMap(({ sources }) => sources.map(({ node }) => node));
    // Not what is inside one: its words may change where it stands.
    return nodes.filter((node) => node?.matches("button, :has(button)")).map((node) => node?.outerHTML ?? "");
  });
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

test("from the printed link to Echo's answer, what the server sees, and the plug pulled", async ({ arrive }) => {
  const folder = mkdtempSync(join(tmpdir(), "zajil-tour-"));
  const { child, link } = await run(folder, 0);
  const port = Number(new URL(link).port);
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await expect(anna.see("invite-card")).toContainText("Echo");
  expect(await movedButtons(anna.page)).toEqual([]);
  await anna.signUp("Anna");
  await anna.openChat("Echo");
  await anna.say("Hello pigeon");
  await anna.sees("Only the two of us can read this chat");
  await expect(anna.state("Hello pigeon")).toHaveAttribute("data-state", "read");

  await anna.react("Only the two of us", "👍");
  await expect(anna.message("Only the two of us").getByTestId("reaction")).toContainText("👍");
  await anna.menu("Only the two of us");
  await anna.press("menu-inside");
  await expect(anna.see("view-head")).toHaveText(/[0-9a-f]{2}( [0-9a-f]{2}){15}/);
  await anna.goTo("#/settings/data");
  await expect(anna.see("data-server")).toContainText("mailbox");

  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  await end(child);
  await anna.goTo("#/");
  await anna.page.reload();
  await anna.openChat("Echo");
  await anna.sees("Only the two of us");
  await anna.say("Are you back?");
  const again = await run(folder, port);
  await anna.sees("↩ Are you back?");
  await end(again.child);
  rmSync(folder, { recursive: true, force: true });
});
