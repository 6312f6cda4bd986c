/** Files of the seed: a chat full of them, a message that is still going out, and bytes drawn in place of fetched ones. */
import type { Answer, Arguments, CallName, CoreEvent, FileView, Look, UploadView } from "../../src/core/api.ts";
import { Refused, findChat, findMessage } from "./answers.ts";
import { MINUTE, NOW, idOf, must, stream, type Line, type SeedChat, type World } from "./world.ts";

type FileCalls = "send_files" | "uploads" | "withdraw_files" | "hurry_files" | "fetch_file" | "stop_fetch";
type Table = { [N in FileCalls & CallName]: (args: Arguments<N>) => Answer<N> };

const bytesOf = (base64: string): number[] => Array.from(atob(base64), (letter) => letter.charCodeAt(0));
/** Of a sunset; the one on the page of thumbhash. */
const BLUR = bytesOf("1QcSHQRnh493V4dIh4eXh1h4kJUI");

function waveOf(name: string): number[] {
  const next = stream(name);
  return Array.from({ length: 64 }, (_, at) =>
    Math.round((0.25 + 0.75 * next()) * (120 + 100 * Math.sin(at / 5)) * 0.9 + 15),
  );
}

const photo = (width: number, height: number): Look => ({ kind: "image", width, height, thumbhash: BLUR });
const file = (number: number, name: string, type: string, size: number, look: Look | null = null): FileView => ({
  number,
  name,
  type,
  size,
  look,
});
const voice = (name: string, duration_ms: number): FileView =>
  file(0, "voice.webm", "audio/webm", 4000 * (duration_ms / 1000), {
    kind: "voice",
    duration_ms,
    waveform: waveOf(name),
  });

/** What Sofia and we sent each other. */
export const FILES_CHAT: readonly Line[] = [
  {
    who: "Sofia Reyes",
    text: "The hall from last night",
    files: [file(0, "photo.webp", "image/webp", 182_400, photo(1600, 1067))],
  },
  { who: "me", files: [voice("mine", 12_400)], gap: 2 },
  { who: "Sofia Reyes", files: [voice("hers", 184_000)], gap: 1, react: [["👍", "me"]] },
  {
    who: "Sofia Reyes",
    files: [
      file(0, "programme\u202Efdp.exe", "application/pdf", 2_841_000),
      file(1, "تدريب الجمعة — نسخة نهائية ومصحّحة.docx", "application/vnd.ms-word", 48_230),
    ],
    gap: 3,
  },
  {
    who: "me",
    text: "شكرًا! Спасибо!",
    files: [0, 1, 2, 3].map((n) => file(n, "photo.webp", "image/webp", 90_000 + n, photo(1200, 1600))),
    gap: 1,
  },
  {
    who: "Sofia Reyes",
    files: [
      file(0, "choir.mp4", "video/mp4", 31_400_000, {
        kind: "video",
        width: 1280,
        height: 720,
        duration_ms: 74_000,
        thumbhash: BLUR,
      }),
    ],
    gap: 4,
  },
  { who: "Sofia Reyes", files: [file(0, "photo.jpg", "image/jpeg", 6_200_000, photo(4000, 3000))], gap: 1 },
  { who: "me", text: "Which seat was yours?", reply: 1, gap: 2 },
];

/** Uploads that wait in that chat. */
export function waitingUploads(chat: SeedChat): UploadView[] {
  return [
    {
      id: idOf("upload 1"),
      chat: chat.id,
      at: NOW - MINUTE,
      text: "Scores, all of them",
      files: [file(0, "scores.zip", "application/zip", 20_971_520)],
      done: 8_388_608,
      whole: 21_495_808,
      state: "waits",
      code: "unreachable",
    },
  ];
}

/** A picture where the real one would come from the server: hills under a sun, another for each name. */
async function paint(name: string): Promise<Blob> {
  const next = stream(name);
  const canvas = new OffscreenCanvas(800, 600);
  const pen = must(canvas.getContext("2d") ?? undefined);
  const hue = Math.floor(next() * 360);
  pen.fillStyle = `hsl(${String(hue)} 50% 70%)`;
  pen.fillRect(0, 0, 800, 600);
  pen.fillStyle = `hsl(${String(hue + 40)} 80% 85%)`;
  pen.arc(200 + next() * 400, 180, 70, 0, 7);
  pen.fill();
  for (let hill = 0; hill < 3; hill++) {
    pen.fillStyle = `hsl(${String(hue + 90)} 30% ${String(50 - hill * 12)}%)`;
    pen.beginPath();
    pen.ellipse(next() * 800, 620, 420, 330 - hill * 80, 0, 0, 7);
    pen.fill();
  }
  return canvas.convertToBlob({ type: "image/webp" });
}

export function fileCalls(world: World, emit: (event: CoreEvent) => void): Table {
  return {
    send_files: ({ chat, files, text }) => {
      const id = idOf(`upload ${String(world.uploads.length + 2)}`);
      world.uploads.push({
        id,
        chat,
        at: world.now,
        text,
        files: files.map(({ blob, ...rest }, number) => ({ number, size: blob.size, ...rest })),
        done: 0,
        whole: files.reduce((sum, { blob }) => sum + blob.size, 0),
        state: "waits",
      });
      emit({ event: "uploads", chat });
      return { id };
    },
    uploads: ({ chat }) => world.uploads.filter((upload) => upload.chat === chat),
    withdraw_files: ({ id }) => {
      const gone = world.uploads.find((upload) => upload.id === id);
      world.uploads = world.uploads.filter((upload) => upload !== gone);
      if (gone) emit({ event: "uploads", chat: gone.chat });
    },
    hurry_files: () => undefined,
    fetch_file: ({ chat, message, number }) => {
      const found = must(findMessage(findChat(world, chat), message).files[number]);
      if (found.look?.kind !== "image") throw new Refused("gone");
      // The real one is awaited across the worker's boundary; so is this.
      return paint(`${message} ${String(number)}`) as unknown as Blob;
    },
    stop_fetch: () => undefined,
  };
}
