/** What axe finds on a page that is serious or critical. */
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "@playwright/test";
import { AXE } from "./site.ts";

/** axe in the page; a rule's impact is that of all its findings, and is part of no public type. */
interface Axe {
  readonly _audit: { readonly rules: readonly { readonly id: string; readonly impact: string | null }[] };
  run(context: Document, options: RunOptions): Promise<AxeResults>;
}

/** Faults, in words. Rules that can find nothing grave are not run, and what passes is not named node by node. */
export async function graveFaults(page: Page): Promise<string[]> {
  await page.addScriptTag({ url: new URL(AXE, page.url()).href });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: Axe };
    const light = axe._audit.rules.filter(({ impact }) => impact === "minor" || impact === "moderate");
    const { violations } = await axe.run(document, {
      resultTypes: ["violations"],
      rules: Object.fromEntries(light.map(({ id }) => [id, { enabled: false }])),
    });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  });
}
