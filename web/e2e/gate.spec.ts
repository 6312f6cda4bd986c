/** A server that asks newcomers for work instead of an invite. */
import { Hands } from "./acts.ts";
import { expect, test } from "./world.ts";

// Every challenge is the dearest there is: up to 20,000 attempts.
test.use({ settings: 'registration = "work"\n[limits.work_all]\nburst = 0.1\nevery_s = 1.0\n' });

test("without an invite the device works, says so, and is in", async ({ server, arrive }) => {
  const omar = new Hands((await arrive()).page);
  await omar.open(server.url);
  await omar.press("start-create");
  await omar.see("name-input").fill("عمر");
  // However soon the solution is found, what was shown meanwhile is kept.
  const shown = omar.page.evaluate(
    () =>
      new Promise<string>((found) => {
        const watch = new MutationObserver(() => {
          const work = document.querySelector('[data-testid="gate-work"]');
          if (work?.querySelector("progress") && work.querySelector('[data-testid="gate-stop"]'))
            found(work.textContent);
        });
        watch.observe(document.body, { subtree: true, childList: true });
      }),
  );
  const began = Date.now();
  await omar.press("name-done");
  expect(await shown).toMatch(/small task|arithmetic/);
  await expect(omar.see("chat-list")).toBeVisible({ timeout: 60_000 });
  console.log(`gate: ${((Date.now() - began) / 1000).toFixed(1)} s for the dearest work and the sign-up`);
});
