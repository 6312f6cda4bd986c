/** A call from one browser to another over a real server: ring, answer, hear and see, mute, hang up, and its line. */
import { type Page, expect } from "@playwright/test";
import type { Hands } from "./acts.ts";
import { befriend } from "./callers.ts";
import { CHROMIUM_WITH_MEDIA } from "./chromium.ts";
import { test } from "./world.ts";

test.use({ launchOptions: CHROMIUM_WITH_MEDIA });

/** Louder than this is a beep of the fake microphone, which comes once a second. */
const BEEP = 0.01;

/** What the other side sends, as it is shown and heard here: the width of the picture, the loudest of up to 2 s of sound. */
function arriving(page: Page): Promise<{ width: number; loud: number }> {
  return page.evaluate(async (beep) => {
    const video = document.querySelector<HTMLVideoElement>('[data-testid="call-peer"] video');
    const stream = video?.srcObject as MediaStream | null;
    if (!video || !stream) return { width: 0, loud: 0 };
    const sound = new AudioContext();
    const ear = sound.createAnalyser();
    sound.createMediaStreamSource(stream).connect(ear);
    const block = new Float32Array(ear.fftSize);
    let loud = 0;
    // All of 2 s are silent, or a beep is enough.
    for (let turn = 0; turn < 40 && loud <= beep; turn++) {
      ear.getFloatTimeDomainData(block);
      loud = Math.max(loud, ...block);
      await new Promise((done) => setTimeout(done, 50));
    }
    await sound.close();
    return { width: video.videoWidth, loud };
  }, BEEP);
}

/** The loudest of up to 2 s of what is played, with or without a picture. */
function loudest(page: Page): Promise<number> {
  return page.evaluate(async (beep) => {
    const streams = window.players.map(({ srcObject }) => srcObject as MediaStream | null);
    const sound = new AudioContext();
    const ear = sound.createAnalyser();
    for (const stream of streams) if (stream) sound.createMediaStreamSource(stream).connect(ear);
    const block = new Float32Array(ear.fftSize);
    let loud = 0;
    for (let turn = 0; turn < 40 && loud <= beep; turn++) {
      ear.getFloatTimeDomainData(block);
      loud = Math.max(loud, ...block);
      await new Promise((done) => setTimeout(done, 50));
    }
    await sound.close();
    return loud;
  }, BEEP);
}

const lines = (hands: Hands) => hands.page.locator('[data-testid="notice"][data-code="call"]');

test("a call: it rings, both see and hear, one mutes, one hangs up, and the chat keeps a line of it", async ({
  server,
  arrive,
}) => {
  const { anna, boris } = await befriend(server, arrive);
  await anna.press("call-start-video");
  await expect(anna.see("call-state")).toHaveText(/Ringing/);
  await expect(boris.see("call-incoming")).toBeVisible();
  await boris.press("call-answer-video");
  for (const person of [anna, boris]) await expect(person.see("call-time")).toBeVisible({ timeout: 30_000 });
  const both = [anna, boris].map(async (person) => {
    await expect.poll(async () => (await arriving(person.page)).width, { timeout: 30_000 }).toBeGreaterThan(100);
    await expect.poll(async () => (await arriving(person.page)).loud, { timeout: 30_000 }).toBeGreaterThan(BEEP);
    await expect(person.see("call-why")).toHaveAttribute("data-rung", "direct");
  });
  await Promise.all(both);
  await anna.press("call-mute");
  await expect(boris.see("call-peer").getByRole("img", { name: "Microphone off" })).toBeVisible();
  await expect.poll(async () => (await arriving(boris.page)).loud).toBeLessThan(BEEP);
  await anna.press("call-mute");
  await expect.poll(async () => (await arriving(boris.page)).loud).toBeGreaterThan(BEEP);
  await boris.press("call-back");
  await boris.say("we talk");
  await expect(boris.see("call-bar")).toBeVisible();
  await anna.press("call-hang-up");
  await expect(anna.see("call")).toHaveCount(0);
  await expect(boris.see("call-bar")).toHaveCount(0);
  for (const person of [anna, boris]) await expect(lines(person)).toHaveText(/Video call/);
});

test("calls that do not come about, and one that a reload cuts off", async ({ server, arrive }) => {
  const { anna, boris, tab } = await befriend(server, arrive);

  await test.step("one that nobody answers is a missed one", async () => {
    await anna.press("call-start");
    await expect(boris.see("call-incoming")).toBeVisible();
    await anna.press("call-hang-up");
    await expect(boris.see("call-incoming")).toHaveCount(0);
    await expect(lines(boris)).toHaveText(/Voice call, missed/);
    await expect(lines(anna)).toHaveText(/Voice call, no answer/);
  });

  await test.step("one is declined from a tab that only shows it", async () => {
    const beside = await tab();
    await beside.open(server.url);
    await expect(beside.see("banner-following")).toBeVisible();
    await anna.press("call-start");
    await expect(boris.see("call-incoming")).toBeVisible();
    await expect(beside.see("call-elsewhere")).toContainText("Anna");
    await beside.press("call-elsewhere-end");
    await expect(anna.see("call-over")).toHaveAttribute("data-reason", "declined");
    await expect(beside.see("call-elsewhere")).toHaveCount(0);
    await beside.page.close();
    await anna.press("call-close");
  });

  await test.step("after a reload one returns to it", async () => {
    await anna.press("call-start");
    await boris.press("call-answer");
    for (const person of [anna, boris]) await expect(person.see("call-time")).toBeVisible({ timeout: 30_000 });
    await boris.page.reload();
    await boris.press("call-return");
    for (const person of [anna, boris]) await expect(person.see("call-time")).toBeVisible({ timeout: 30_000 });
    await boris.press("call-hang-up");
    await expect(anna.see("call-over")).toHaveAttribute("data-reason", "remote");
    await anna.press("call-close");
  });

  await test.step("who hides their address calls over the server where it has no relay, sound alone", async () => {
    await anna.goTo("#/settings/privacy");
    await anna.see("hide-address-switch").check({ force: true });
    await anna.goTo("#/");
    await anna.openChat("Boris");
    await anna.press("call-start-video");
    await boris.press("call-answer-video");
    for (const person of [anna, boris]) {
      await expect(person.see("call-why")).toHaveAttribute("data-rung", "server", { timeout: 30_000 });
      await expect(person.see("call-state")).toHaveAttribute("data-phase", "active");
      await expect.poll(() => loudest(person.page)).toBeGreaterThan(BEEP);
    }
    await anna.press("call-why");
    await expect(anna.see("call-why-line")).toHaveText(/Video was turned off/);
    await expect(anna.page.locator('[data-testid="call-tried"] li')).toHaveCount(1);
    await expect(anna.page.locator('[data-testid="call-tried"] [data-rung="server"]')).toHaveAttribute(
      "data-result",
      "up",
    );
    await anna.page.keyboard.press("Escape");

    await anna.press("call-mute");
    await expect.poll(() => loudest(boris.page)).toBeLessThan(0.005);
    await anna.press("call-mute");
    await expect.poll(() => loudest(boris.page)).toBeGreaterThan(BEEP);

    // The server restarts in mid-call: connections are renewed, and the call is the same one.
    await server.stop();
    await server.start();
    for (const person of [anna, boris]) {
      await expect(person.see("call-state")).toHaveAttribute("data-phase", "active", { timeout: 30_000 });
      await expect.poll(() => loudest(person.page), { timeout: 30_000 }).toBeGreaterThan(BEEP);
      await expect(person.see("call-why")).toHaveAttribute("data-rung", "server");
    }
    await boris.press("call-hang-up");
    await expect(anna.see("call-over")).toHaveAttribute("data-reason", "remote");
  });
});
