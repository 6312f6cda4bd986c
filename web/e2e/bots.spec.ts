/** Calls between a browser and the Python client: Echo as a fresh server gives it, and `zajil call bot`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { CHROMIUM_WITH_MEDIA } from "./chromium.ts";
import { BIN, zajil } from "./programs.ts";
import { expect, ON_THE_SERVER, test as base } from "./world.ts";

const canTalk = (): boolean => {
  try {
    execFileSync(join(BIN, "python"), ["-c", "import aiortc"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Starts `zajil` with these words, and gives what the first line that matches holds. */
async function start(words: string[], awaited: RegExp): Promise<{ child: ChildProcess; found: string }> {
  const child = spawn(...zajil(...words), { env: { ...process.env, ZAJIL_WEB: "skip", PYTHONUNBUFFERED: "1" } });
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) {
    const found = awaited.exec(line);
    if (found) {
      child.stdout.resume();
      return { child, found: found[0] };
    }
  }
  throw new Error(`zajil ${words.join(" ")} ended too early`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

interface Home {
  /** Where `zajil run` keeps what it has. */
  readonly data: string;
  /** The link that it prints: an invite for one, with Echo as a contact. */
  readonly link: string;
}

interface Guests {
  /** A person at a link with an invite, whose page gives its connections to `heard`. */
  come(link: string): Promise<Hands>;
}

/** One `zajil run` for all stories here: to begin and to end it takes longer than most calls. */
const test = base.extend<Guests, { home: Home }>({
  home: [
    async ({}, use) => {
      const data = mkdtempSync(join(tmpdir(), "zajil-bots-"));
      writeFileSync(join(data, "zajil.toml"), '[calls]\nrelay = "auto"\n');
      const words = ["run", "--data", data, "--port", "0"];
      const { child, found } = await start(words, /http:\/\/127\.0\.0\.1:\d+\/i#[\w-]+/);
      await use({ data, link: found });
      await end(child);
      rmSync(data, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 90_000 },
  ],
  come: async ({ arrive }, use) => {
    await use(async (link) => {
      const { page } = await arrive({ permissions: ["microphone", "camera"] });
      await page.addInitScript(() => {
        const made: RTCPeerConnection[] = [];
        Object.assign(window, { made });
        window.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(configuration?: RTCConfiguration) {
            super(configuration);
            made.push(this);
          }
        };
      });
      const anna = new Hands(page);
      await anna.open(link);
      await anna.signUp("Anna");
      return anna;
    });
  },
});

test.skip(!canTalk(), "needs the extra `calls`");
test.use({ launchOptions: CHROMIUM_WITH_MEDIA });

/** A beep of the fake microphone has some 0.01 of it; silence that went through Opus far less than this. */
const BEEPS = 0.001;

/** Energy of what was decoded in 3 s, over all connections of the page, or until it is a beep: there is one a second. */
function heard(page: Page): Promise<number> {
  return page.evaluate(async (beeps) => {
    const { made } = window as unknown as { made: RTCPeerConnection[] }; // the script above put it there
    const measure = async () => {
      let sum = 0;
      for (const pc of made)
        for (const one of (await pc.getStats()).values() as Iterable<{ type: string; totalAudioEnergy?: number }>)
          if (one.type === "inbound-rtp") sum += one.totalAudioEnergy ?? 0;
      return sum;
    };
    const [before, end] = [await measure(), performance.now() + 3_000];
    let energy = 0;
    while (energy <= beeps && performance.now() < end) {
      await new Promise((done) => setTimeout(done, 100));
      energy = (await measure()) - before;
    }
    return energy;
  }, BEEPS);
}

async function hearsItself(anna: Hands): Promise<void> {
  await expect(anna.see("call-time")).toBeVisible({ timeout: 30_000 });
  await expect.poll(() => heard(anna.page), { timeout: 30_000 }).toBeGreaterThan(BEEPS);
}

/** The part that the browser plays in the DTLS of its open connections: a ClientHello on the wire is then a browser's. */
const roles = (page: Page): Promise<(string | undefined)[]> =>
  page.evaluate(async () => {
    const { made } = window as unknown as { made: RTCPeerConnection[] }; // the script above put it there
    const open = made.filter((pc) => pc.connectionState === "connected");
    const found: (string | undefined)[] = [];
    for (const pc of open)
      for (const one of (await pc.getStats()).values() as Iterable<{ type: string; dtlsRole?: string }>)
        if (one.type === "transport") found.push(one.dtlsRole);
    return found;
  });

const lines = (hands: Hands) => hands.page.locator('[data-testid="notice"][data-code="call"]');

test("Echo, called before a word was said, gives the caller's own beep back, and none while muted", async ({
  home,
  come,
}) => {
  test.setTimeout(300_000);
  const anna = await come(home.link);
  await anna.openChat("Echo");
  await anna.press("call-start");
  await hearsItself(anna);
  await expect(anna.see("call-why")).toHaveAttribute("data-rung", "direct");
  await expect.poll(() => roles(anna.page)).toEqual(["client", "client"]);
  await anna.press("call-mute");
  await expect.poll(() => heard(anna.page), { timeout: 30_000 }).toBeLessThan(BEEPS / 10);
  await anna.press("call-mute");
  await expect.poll(() => heard(anna.page), { timeout: 30_000 }).toBeGreaterThan(BEEPS);
  await anna.press("call-hang-up");
  await expect(anna.see("call")).toHaveCount(0);
  await expect(lines(anna)).toHaveText(/Voice call/);
  // It is free for the next one, with a picture that it does not look at.
  await anna.press("call-start-video");
  // On a busy machine the picture is given up meanwhile, and that is told instead.
  const alone = anna.see("call-told").filter({ hasText: /your sound alone/ });
  await expect(alone.or(anna.see("call-paused"))).toBeVisible({ timeout: 60_000 });
  await hearsItself(anna);
  await anna.press("call-hang-up");
  await expect(lines(anna).last()).toHaveText(/Video call/);
  if (!existsSync("/usr/bin/turnserver")) return;

  // Whether over UDP or TCP is a race.
  await test.step("who hides the address hears Echo by the relay; in a group both use it alone", async () => {
    await anna.goTo("#/settings/privacy");
    await anna.see("hide-address-switch").check({ force: true });
    await anna.goTo("#/");
    await anna.openChat("Echo");
    await anna.press("call-start");
    await hearsItself(anna);
    await expect(anna.see("call-why")).toHaveAttribute("data-rung", /^relay-/, { timeout: 30_000 });
    await anna.press("call-hang-up");
    await anna.createGroup("Trip", ["Echo"]);
    await anna.say("to Echo");
    await expect(anna.state("to Echo")).toHaveAttribute("data-state", "read");
    await anna.press("call-start");
    await hearsItself(anna);
    await expect(anna.see("call-why")).toHaveAttribute("data-rung", /^relay-/, { timeout: 30_000 });
    await anna.press("call-hang-up");
  });
});

interface Stats {
  readonly answered: number;
  readonly phase: string;
  readonly dropped_signals: number;
  readonly media: {
    readonly bad_input: number;
    readonly alarms: number;
    readonly links: {
      readonly up: boolean;
      readonly sends: { rung: string | null; carries: boolean; sealed: number; left: number; refused: number }[];
      readonly hears: { rung: string | null; plays: boolean; seen: number; opened: number; dropped: object }[];
    }[];
  };
}

test("the bot of the command line answers, counts every frame it opened, and none that was bad", async ({
  home: { data, link },
  come,
}) => {
  const [home, file, front] = [join(data, "bot"), join(data, "stats.json"), new URL(link).origin];
  const words = ["admin", "invite", "--data", data, "--uses", "2", "--link", "--front", front, "--json"];
  const made = JSON.parse(execFileSync(...zajil(...words)).toString()) as { invite: string; link: string };
  const atBot = (...words: string[]) => execFileSync(...zajil("--home", home, ...words)).toString();
  atBot("register", "--name", "Bot", "--server", front, "--invite", made.invite);
  const card = JSON.parse(atBot("contact-link", "--json")) as { link: string };
  const anna = await come(made.link);
  await anna.addPerson(card.link);
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  atBot("sync");
  const bot = ["--home", home, "call", "bot", "--mode", "tone", "--stats", file];
  const { child } = await start(bot, /Answering calls/);
  const stats = () => JSON.parse(readFileSync(file, "utf8")) as Stats;
  await anna.press("call-start");
  await hearsItself(anna);
  // A tone goes on whatever the caller says.
  await anna.press("call-mute");
  await expect.poll(() => heard(anna.page), { timeout: 30_000 }).toBeGreaterThan(BEEPS);
  await expect.poll(() => stats().media.links[0]?.hears.find(({ plays }) => plays)?.opened ?? 0).toBeGreaterThan(50);
  const { answered, phase, dropped_signals, media } = stats();
  expect([answered, phase, dropped_signals, media.bad_input, media.alarms]).toEqual([1, "active", 0, 0, 0]);
  expect(media.links).toHaveLength(1);
  for (const { up, sends, hears } of media.links) {
    expect(up).toBe(true);
    expect(sends.filter(({ carries }) => carries).map(({ rung }) => rung)).toEqual(["direct"]);
    for (const { sealed, left, refused } of sends) expect([sealed >= left && left > 0, refused]).toEqual([true, 0]);
    for (const { seen, opened, dropped } of hears) expect([seen === opened, dropped]).toEqual([true, {}]);
  }
  // It ends, and says so: nobody waits half a minute for it.
  await end(child);
  await expect(anna.see("call-over")).toHaveAttribute("data-reason", "remote", { timeout: 10_000 });
});
