/** A call of three over a real server and its relay. Its pictures take all of a small machine. */
import { existsSync } from "node:fs";
import { type Page, expect } from "@playwright/test";
import { Hands } from "./acts.ts";
import { befriend, keepConnections } from "./callers.ts";
import { CHROMIUM_WITH_MEDIA } from "./chromium.ts";
import { test } from "./world.ts";

test.use({ launchOptions: CHROMIUM_WITH_MEDIA });

/** How many devices are heard: connections with sound in what they brought within 2 s; the fake microphone beeps. */
function countHeard(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { connections } = globalThis as unknown as { readonly connections: readonly RTCPeerConnection[] };
    const energyOf = async (one: RTCPeerConnection): Promise<number> => {
      const entries = [...(await one.getStats()).values()] as { readonly type: string; totalAudioEnergy?: number }[];
      return (
        entries.find(({ type, totalAudioEnergy }) => type === "inbound-rtp" && totalAudioEnergy)?.totalAudioEnergy ?? 0
      );
    };
    const before = await Promise.all(connections.map(energyOf));
    await new Promise((done) => setTimeout(done, 2_000));
    const after = await Promise.all(connections.map(energyOf));
    return after.filter((energy, at) => energy - (before[at] ?? 0) > 1e-6).length;
  });
}

/** Of each person: a picture that is not the black one of before, or the word why there is none. */
const seeTiles = (tiles: Element[]): ("picture" | "word" | undefined)[] =>
  tiles.map((tile) => {
    if (tile.querySelector("figcaption .state")) return "word";
    const video = tile.querySelector("video");
    const pen = Object.assign(document.createElement("canvas"), { width: 16, height: 9 }).getContext("2d");
    if (!video || !pen) return undefined;
    pen.drawImage(video, 0, 0, 16, 9);
    const shades = pen.getImageData(0, 0, 16, 9).data.filter((_, at) => at % 4 !== 3);
    return Math.max(...shades) > 60 ? "picture" : undefined;
  });

const LONG = { timeout: 60_000 };

test.skip(!existsSync("/usr/bin/turnserver"), "needs coturn: apt-get install coturn");
test.use({ settings: '[calls]\nrelay = "auto"\n' });

test("three people of a group see and hear each other, and none learns an address", async ({ server, arrive }) => {
  test.setTimeout(240_000);
  const { anna, boris } = await befriend(server, arrive);
  const { page } = await arrive({ permissions: ["microphone", "camera"] });
  await page.addInitScript(keepConnections);
  const carol = new Hands(page);
  await carol.open(server.invite(1).link);
  await carol.signUp("Carol");
  await carol.addPerson(await anna.makeInvite());
  await carol.say("hello");
  await anna.goTo("#/");
  await anna.openChat("Carol");
  await anna.sees("hello");
  await anna.createGroup("Trip", ["Boris", "Carol"]);
  await anna.say("to all");
  for (const person of [boris, carol]) {
    await person.goTo("#/");
    await person.openChat("Trip");
    await person.sees("to all");
  }
  await anna.press("call-start-video");
  await boris.press("call-answer-video");
  await carol.press("call-answer-video");
  for (const person of [anna, boris, carol]) {
    await expect(person.see("call-peer")).toHaveCount(2);
    await expect(person.see("call-time")).toBeVisible({ timeout: 60_000 });
    await expect(person.see("call-why")).toHaveAttribute("data-rung", "relay-udp", { timeout: 30_000 });
    await expect.poll(() => countHeard(person.page), { timeout: 30_000 }).toBe(2);
    // On a busy machine pictures are given up for sound, or a link is poor; then the tile says so.
    const tiles = person.see("call-peer");
    await expect.poll(async () => (await tiles.evaluateAll(seeTiles)).filter(Boolean).length, LONG).toBe(2);
  }
  await carol.press("call-hang-up");
  for (const person of [anna, boris]) await expect(person.see("call-peer")).toHaveCount(1);
});
