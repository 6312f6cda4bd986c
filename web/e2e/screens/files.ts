/** The screens of files: a chat full of them, a picture large, the tray, a voice note while it is recorded. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import type { Screen } from "./steps.ts";

const chat = (title: string): string => `#/c/${idOf(`chat ${title}`, 43)}`;
const SOFIA = chat("Sofia Reyes");
const ECHO = chat("Echo");

/** Every picture that is fetched as it is seen has come. */
async function drawn(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll<HTMLImageElement>('[data-testid="picture"] img')];
    return (
      document.querySelector('[data-testid="picture"][data-state="coming"]') === null &&
      pictures.every((picture) => picture.complete && picture.naturalWidth > 0)
    );
  });
}

async function earlier(page: Page): Promise<void> {
  await page.getByTestId("feed").evaluate((feed) => {
    feed.scrollTop = 0;
  });
  await page.getByTestId("voice-note").first().waitFor();
  await drawn(page);
}

async function viewer(page: Page): Promise<void> {
  await drawn(page);
  await page.getByTestId("picture-open").last().click();
  await page.getByTestId("viewer").waitFor();
}

/** A photo, a document with a name in Arabic and one that is too long for its line. */
const tray =
  (asFiles: boolean) =>
  async (page: Page): Promise<void> => {
    const photo = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(600, 400);
      const pen = canvas.getContext("2d");
      if (!pen) throw new Error("no canvas");
      pen.fillStyle = "#c98";
      pen.fillRect(0, 0, 600, 400);
      pen.fillStyle = "#486";
      pen.fillRect(0, 220, 600, 180);
      const blob = await canvas.convertToBlob({ type: "image/jpeg" });
      return [...new Uint8Array(await blob.arrayBuffer())];
    });
    await page.getByTestId("attach-input").setInputFiles([
      { name: "IMG_2041.jpg", mimeType: "image/jpeg", buffer: Buffer.from(photo) },
      { name: "جدول التدريب.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(48_200) },
      {
        name: `the-whole-programme-${"of-the-winter-concert-".repeat(4)}final.docx`,
        mimeType: "application/msword",
        buffer: Buffer.alloc(9_300),
      },
    ]);
    await page.waitForFunction(
      () => document.querySelectorAll('[data-testid="tray-item"][data-state="ready"]').length === 3,
    );
    if (asFiles) await page.getByTestId("tray-as-files").check();
  };

/** More files than a message takes. */
async function tooMany(page: Page): Promise<void> {
  const files = Array.from({ length: 12 }, (_, at) => ({
    name: `scan-${String(at + 1)}.pdf`,
    mimeType: "application/pdf",
    buffer: Buffer.alloc(9_000),
  }));
  await page.getByTestId("attach-input").setInputFiles(files);
  await page.getByTestId("tray-problem").waitFor();
}

async function recording(page: Page): Promise<void> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.resolve(new AudioContext().createMediaStreamDestination().stream);
  });
  await page.getByTestId("record").click();
  await page.locator('[data-testid="recording"][data-state="recording"]').waitFor();
}

async function refused(page: Page): Promise<void> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.getByTestId("record").click();
  await page.getByTestId("toasts").getByText(/.{20}/).first().waitFor();
}

export const FILES: readonly Screen[] = [
  { name: "list-files", scene: "files", ready: "chat-row" },
  { name: "files", scene: "files", fragment: SOFIA, ready: "upload", steps: drawn },
  { name: "files-earlier", scene: "files", fragment: SOFIA, ready: "upload", steps: earlier },
  { name: "files-viewer", scene: "files", fragment: SOFIA, ready: "upload", steps: viewer },
  { name: "files-tray", scene: "files", fragment: ECHO, ready: "composer", steps: tray(false) },
  { name: "files-tray-as-files", scene: "files", fragment: ECHO, ready: "composer", steps: tray(true) },
  { name: "files-too-many", scene: "files", fragment: ECHO, ready: "composer", steps: tooMany },
  { name: "files-recording", scene: "files", fragment: ECHO, ready: "composer", steps: recording },
  { name: "files-no-microphone", scene: "files", fragment: ECHO, ready: "composer", steps: refused },
];
