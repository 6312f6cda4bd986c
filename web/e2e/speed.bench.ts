/**
 * How fast the client is, printed as one JSON line per figure; nothing here passes or fails by time. Run by
 * bench/web_speed.py. Figures in milliseconds unless the name says otherwise; `aim` is what web.md asks for.
 */
import { type CDPSession, type Page, expect } from "@playwright/test";
import { Hands } from "./acts.ts";
import { startSite } from "./screens/site.ts";
import { test } from "./world.ts";

function tell(figure: string, values: readonly number[], aim: number): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  console.log(JSON.stringify({ figure, runs: sorted.length, median: at(0.5), p95: at(0.95), aim }));
}

async function throttle(session: CDPSession): Promise<void> {
  await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 200,
    downloadThroughput: 400_000 / 8,
    uploadThroughput: 400_000 / 8,
  });
}

/** Milliseconds from a press on the row until the chat's last message is painted. */
async function switchTo(page: Page, title: string): Promise<number> {
  return page.evaluate(async (name) => {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-testid="chat-row"]')];
    const row = rows.find((element) => element.textContent.includes(name));
    const began = performance.now();
    row?.click();
    const shown = (): boolean =>
      document.querySelector('[data-testid="chat-header"]')?.textContent.includes(name) === true &&
      document.querySelector('[data-testid="message"]') !== null;
    while (!shown()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - began;
  }, title);
}

test("cold start at a quarter of the processor and 400 kbit/s", async ({ server, browser }) => {
  const { link } = server.invite(9);
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await throttle(await context.newCDPSession(page));
    const began = Date.now();
    await page.goto(link, { waitUntil: "commit" });
    await page.getByTestId("start-create").waitFor();
    times.push(Date.now() - began);
    await context.close();
  }
  tell("cold start to the first screen, 4x slower, 400 kbit/s", times, 3000);
});

test("first message on the slow line, warm start without a server, switching, talking", async ({
  server,
  browser,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(9);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });

  const slow = await browser.newContext();
  const slowPage = await slow.newPage();
  await throttle(await slow.newCDPSession(slowPage));
  const started = Date.now();
  const guest = new Hands(slowPage);
  await guest.open(link);
  await guest.signUp("Guest");
  await guest.press(guest.see("chat-row").first());
  await guest.say("first");
  await guest.sees("first");
  tell("from the link to the first message written, slow line", [Date.now() - started], 10_000);
  await slow.close();

  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  const boris = new Hands((await arrive()).page);
  await boris.open(await anna.makeInvite());
  await boris.signUp("Boris");
  await boris.openChat("Anna");
  await anna.openChat("Boris");

  const crossing: number[] = [];
  const bubbles: number[] = [];
  for (let n = 0; n < 40; n += 1) {
    const text = `message ${String(n)} of forty`;
    const seen = boris.message(text).waitFor();
    await anna.see("composer").fill(text);
    const began = Date.now();
    await anna.see("composer").press("Enter");
    await anna.message(text).waitFor();
    bubbles.push(Date.now() - began);
    await seen;
    crossing.push(Date.now() - began);
  }
  tell("key press to the own bubble, as the test sees it", bubbles, 50);
  tell("from one browser to the other, as the test sees it", crossing, 300);

  await anna.openChat("Pia");
  await anna.say("hello");
  const switches: number[] = [];
  for (let n = 0; n < 20; n += 1) switches.push(await switchTo(anna.page, n % 2 === 0 ? "Boris" : "Pia"));
  tell("switching chats", switches, 100);

  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  await anna.goTo("#/");
  await server.stop();
  const warm: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const began = Date.now();
    await anna.page.reload({ waitUntil: "commit" });
    await anna.see("chat-row").first().waitFor();
    warm.push(Date.now() - began);
  }
  tell("warm start without a server to the chat list", warm, 500);
});

test("scrolling ten thousand messages, over seeded data", async ({ browser }) => {
  const site = await startSite();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${site.url}?scene=big`);
  await page.getByTestId("chat-row").first().click();
  await page.getByTestId("message").first().waitFor();
  const feed = page.getByTestId("feed");
  const { blank, frames, longest } = await feed.evaluate(async (element) => {
    let blank = 0;
    let frames = 0;
    let longest = 0;
    const scroller =
      [element, ...element.querySelectorAll<HTMLElement>("*")].find(
        (candidate) =>
          candidate.scrollHeight > candidate.clientHeight + 100 && getComputedStyle(candidate).overflowY !== "visible",
      ) ?? element;
    const box = scroller.getBoundingClientRect();
    let last = performance.now();
    for (let step = 0; step < 600; step += 1) {
      scroller.scrollTop -= 600;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      frames += 1;
      const column = [0.2, 0.5, 0.8].map((share) =>
        document.elementsFromPoint(box.x + box.width * 0.5, box.y + box.height * share),
      );
      if (
        column.every(
          (stack) => !stack.some((hit) => hit.closest('[data-testid="message"], [data-testid="notice"]') !== null),
        )
      ) {
        const rows = [...document.querySelectorAll('[data-testid="message"]')].map((row) =>
          row.getBoundingClientRect(),
        );
        if (!rows.some((row) => row.bottom > box.y && row.y < box.bottom)) blank += 1;
      }
    }
    return { blank, frames, longest };
  });
  console.log(
    JSON.stringify({
      figure: "blank frames while scrolling 10,000 messages",
      frames,
      blank,
      longest_frame_ms: Math.round(longest),
      aim: 0,
    }),
  );
  await page.close();
  site.server.close();
  expect(frames).toBe(600);
});
