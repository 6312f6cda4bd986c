/** Photos, voice notes and files between two browsers and one on the Python SDK, over a good line and over one that breaks. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { Hands } from "./acts.ts";
import { CHROMIUM_WITH_MEDIA } from "./chromium.ts";
import { expect, ON_THE_SERVER, type SdkMember, test } from "./world.ts";

test.use({ launchOptions: CHROMIUM_WITH_MEDIA });

/** Sealing and sending take a while on a machine that does other things too. */
const SLOW = { timeout: 90_000 };
const PLACE = "GPSLatitude 33.5138 GPSLongitude 36.2765";

interface Read {
  readonly id: string;
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly size: number }[];
}

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** A JPEG of 2,400 by 1,200 pixels whose EXIF says where it was taken. */
async function photograph(page: Page): Promise<Buffer> {
  const drawn = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(2400, 1200);
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("no canvas");
    for (let at = 0; at < 60; at++) {
      pen.fillStyle = `hsl(${String(at * 37)} 70% 50%)`;
      pen.fillRect((at % 10) * 240, Math.floor(at / 10) * 200, 240, 200);
    }
    const blob = await canvas.convertToBlob({ type: "image/jpeg" });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  const jpeg = Buffer.from(drawn);
  const exif = Buffer.concat([Buffer.from("Exif\0\0"), Buffer.from(PLACE)]);
  const length = Buffer.from([0, 0]);
  length.writeUInt16BE(exif.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1]), length, exif, jpeg.subarray(2)]);
}

type Picked = { readonly name: string; readonly mimeType: string; readonly buffer: Buffer };

/** A large one by its path: bytes would go to the browser as one text. */
async function pick(who: Hands, picked: string | Picked): Promise<void> {
  await who.see("attach-input").setInputFiles(picked);
  await expect(who.see("tray-item").last()).toHaveAttribute("data-state", "ready", SLOW);
}

/** What the browser hands over after this press. */
async function saved(who: Hands, press: Locator): Promise<{ bytes: Buffer; name: string }> {
  const coming = who.page.waitForEvent("download", SLOW);
  await who.press(press);
  const download = await coming;
  return { bytes: readFileSync(await download.path()), name: download.suggestedFilename() };
}

/** The newest message with files, as the member reads it once it has come. */
async function newestAt(member: SdkMember, chat: string, text: string): Promise<Read> {
  let found: Read | undefined;
  await expect
    .poll(async () => {
      await member.ask("sync").catch(() => undefined);
      const read = await member.ask<Read[]>("read", { chat });
      found = read.findLast((message) => message.attachments.length > 0 && message.text === text);
      return found !== undefined;
    }, SLOW)
    .toBe(true);
  if (!found) throw new Error("no such message");
  return found;
}

test("a photo without its place, a voice note, and files of both languages", async ({ arrive, pair, server }) => {
  const { anna, pia } = await pair();
  const boris = new Hands((await arrive()).page);
  await boris.open(await anna.makeInvite());
  await boris.signUp("Борис");
  await boris.openChat("Anna");
  await boris.say("Привет");
  await anna.openChat("Борис");
  await anna.sees("Привет");

  // As a picture: drawn anew, so nothing is left of what the camera wrote.
  const taken = await photograph(anna.page);
  expect(taken.includes(PLACE)).toBe(true);
  await pick(anna, { name: "IMG_20260314_home.jpg", mimeType: "image/jpeg", buffer: taken });
  await expect(anna.see("tray-tells")).toHaveCount(0);
  await anna.say("From the roof");
  await expect(anna.state("From the roof")).toHaveAttribute("data-state", ON_THE_SERVER, SLOW);
  const picture = boris.message("From the roof").getByTestId("picture");
  await expect(picture).toHaveAttribute("data-state", "here", SLOW);
  await boris.press(picture.getByTestId("picture-open"));
  await expect(boris.see("viewer")).toBeVisible();
  const seen = await saved(boris, boris.see("viewer-save"));
  expect(seen.bytes.subarray(0, 4).toString()).toBe("RIFF");
  for (const trace of [PLACE, "Exif", "EXIF", "IMG_2026"]) expect(seen.bytes.includes(trace)).toBe(false);
  expect(seen.name).toBe("photo.webp");
  await boris.page.keyboard.press("Escape");
  await expect(boris.see("viewer")).toHaveCount(0);
  await expect(boris.row("Anna").getByTestId("chat-last")).toContainText("Photo");

  // As a file: the same bytes, after a word about them.
  await pick(anna, { name: "IMG_20260314_home.jpg", mimeType: "image/jpeg", buffer: taken });
  await anna.see("tray-as-files").check();
  await expect(anna.see("tray-tells")).toBeVisible();
  await anna.say("The original");
  const original = boris.message("The original").getByTestId("picture");
  await expect(original).toHaveAttribute("data-state", "here", SLOW);
  await boris.press(original.getByTestId("picture-open"));
  expect(digest((await saved(boris, boris.see("viewer-save"))).bytes)).toBe(digest(taken));
  await boris.page.keyboard.press("Escape");

  // A voice note from Chromium's beeping microphone.
  await anna.press("record");
  await expect(anna.see("recording-time")).toHaveText("00:04", SLOW);
  await anna.press("recording-send");
  const note = boris.see("voice-note").last();
  await expect(note).toBeVisible(SLOW);
  await expect(note.getByTestId("voice-seek")).toHaveAttribute("aria-valuemax", /^[4-9]$|^[1-9]\d+$/);
  await boris.press(note.getByTestId("voice-play"));
  await expect(note.getByTestId("voice-rate")).toBeVisible(SLOW);
  await expect(note).toHaveAttribute("data-state", "playing", SLOW);
  await expect(note).toHaveAttribute("data-state", "still", SLOW);
  await expect(boris.row("Anna").getByTestId("chat-last")).toContainText("Voice note");

  // To Python and back.
  await anna.openChat("Pia");
  await pick(anna, { name: "notes.bin", mimeType: "application/octet-stream", buffer: randomBytes(300_000) });
  await anna.say("For Pia");
  const got = await newestAt(pia, "Anna", "For Pia");
  expect(got.attachments.map(({ name, size }) => [name, size])).toEqual([["notes.bin", 300_000]]);
  const target = join(server.data, "..", "saved.bin");
  await pia.ask("save_file", { chat: "Anna", message: got.id, n: 0, target });
  expect(readFileSync(target)).toHaveLength(300_000);
  const path = join(server.data, "..", "report.svg");
  writeFileSync(path, "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>");
  await pia.ask("send_files", { chat: "Anna", paths: [path], text: "From Pia" });
  const row = anna.message("From Pia").getByTestId("file-row");
  await expect(row.getByTestId("file-name")).toHaveText("report.svg", SLOW);
  const back = await saved(anna, row.getByTestId("file-save"));
  expect([back.name, digest(back.bytes)]).toEqual(["report.svg", digest(readFileSync(path))]);
  await expect(anna.page.locator("article img")).toHaveCount(0);
});

/** A line to the server that breaks after so many bytes up, and carries nothing until it is mended. */
class Line {
  up = 0;
  breakAt = Infinity;
  private broken = false;
  private readonly sockets = new Set<Socket>();
  private readonly door = createServer((client) => this.carry(client));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.door.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${String((this.door.address() as AddressInfo).port)}`;
  }

  constructor(private readonly to: number) {}

  mend(): void {
    this.breakAt = Infinity;
    this.broken = false;
  }

  stop(): void {
    this.door.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private carry(client: Socket): void {
    if (this.broken) {
      client.destroy();
      return;
    }
    const server = connect(this.to, "127.0.0.1");
    client.on("data", (data) => {
      this.up += data.length;
      if (this.up > this.breakAt) {
        this.broken = true;
        for (const socket of this.sockets) socket.destroy();
      } else server.write(data);
    });
    server.on("data", (data) => client.write(data));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

test("20 MB go on where the line broke; what waits is withdrawn", async ({ arrive, member, server }) => {
  const line = new Line(server.port);
  try {
    const url = await line.start();
    const pia = member();
    const { invite, link } = server.invite(2);
    await pia.ask("register", { server: server.url, name: "Pia", invite });
    const anna = new Hands((await arrive()).page);
    await anna.open(link.replace(server.url, url));
    await anna.signUp("Anna");
    await anna.addPerson(await pia.ask<string>("contact_link"));
    await anna.say("hello");
    await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER, SLOW);
    await pia.ask("sync");
    await anna.page.evaluate(() => navigator.serviceWorker.ready);

    const large = randomBytes(20_971_520);
    const film = join(server.data, "..", "sent", "film.bin");
    mkdirSync(dirname(film));
    writeFileSync(film, large);
    const before = line.up;
    line.breakAt = before + 8_000_000;
    await pick(anna, film);
    await anna.say("Twenty megabytes");
    const upload = anna.see("upload").first();
    await expect(upload).toHaveAttribute("data-state", "waits", SLOW);
    const bar = upload.getByRole("progressbar");
    const whole = Number(await bar.getAttribute("aria-valuemax"));
    expect(Number(await bar.getAttribute("aria-valuenow"))).toBeGreaterThan(0);
    expect(Number(await bar.getAttribute("aria-valuenow"))).toBeLessThan(whole);

    // Another one waits behind it, and is not sent after all.
    await pick(anna, { name: "secret.txt", mimeType: "text/plain", buffer: Buffer.from("not for sending") });
    await anna.press("send");
    await expect(anna.see("upload")).toHaveCount(2, SLOW);
    await anna.press(anna.see("upload").last().getByTestId("upload-withdraw"));
    await expect(anna.see("upload")).toHaveCount(1);

    // The page ends and comes back without a line: the upload is still there.
    await anna.page.reload();
    await expect(anna.see("upload")).toHaveCount(1, SLOW);
    await expect(anna.see("upload")).toContainText("film.bin");

    line.mend();
    await expect(anna.state("Twenty megabytes")).toHaveAttribute("data-state", ON_THE_SERVER, { timeout: 120_000 });
    await expect(anna.see("upload")).toHaveCount(0);
    // Not from the start again: that would be 8 MB more.
    expect(line.up - before).toBeLessThan(whole + 5_000_000);
    const got = await newestAt(pia, "Anna", "Twenty megabytes");
    const target = join(server.data, "..", "film.bin");
    await pia.ask("save_file", { chat: "Anna", message: got.id, n: 0, target });
    expect(digest(readFileSync(target))).toBe(digest(large));
    const all = await pia.ask<Read[]>("read", { chat: "Anna" });
    expect(all.flatMap(({ attachments }) => attachments.map(({ name }) => name))).toEqual(["film.bin"]);
  } finally {
    line.stop();
  }
});
