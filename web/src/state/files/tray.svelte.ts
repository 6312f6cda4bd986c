/** What will go with the next message of a chat: pictures drawn anew, everything else as it is. */
import type { Look, OutFile } from "../../core/api.ts";
import { plainFileName } from "../../i18n/filenames.ts";
import type { FileTools } from "../../platform/files/filetools.ts";
import { browser } from "../host.ts";

/** Of one message, and of one file in bytes (docs/protocol/files.md). */
export const MOST_FILES = 10;
export const MOST_BYTES = 104_857_584;

export interface TrayItem {
  readonly key: number;
  readonly name: string;
  readonly file: File;
  /** reading: it is being looked at, and not ready yet. */
  readonly state: "reading" | "ready";
  /** What goes out where it goes as a picture: without anything but its pixels. */
  readonly picture?: OutFile;
  /** What goes out where it goes as it is. */
  readonly plain: OutFile;
  /** A photo or video that says where it was taken, maybe. */
  readonly tells: boolean;
  /** An address to show it from. */
  readonly thumb?: string;
}

export type TrayProblem =
  | { readonly code: "too-many"; readonly left: number }
  | { readonly code: "too-big"; readonly names: readonly string[] };

/** Content types that are words of ours or simple ones; else bytes. */
const typeOf = (type: string): string => {
  const bare = type.split(";")[0] ?? "";
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(bare) ? bare : "application/octet-stream";
};

const ENDINGS: Readonly<Record<string, string>> = { "image/webp": "webp", "image/jpeg": "jpg" };

export class Tray {
  static readonly #all: Record<string, Tray> = {};
  items = $state.raw<readonly TrayItem[]>([]);
  /** Photos go as they are, with all that their camera wrote into them. */
  asFiles = $state(false);
  problem = $state.raw<TrayProblem>();
  #last = 0;

  // Getters: what is derived ends with the screen that made it, and a tray outlives its screen.
  get ready(): boolean {
    return this.items.every(({ state }) => state === "ready");
  }

  get pictures(): boolean {
    return this.items.some(({ picture }) => picture !== undefined);
  }

  /** Something in it goes out that may say where it was taken. */
  get tells(): boolean {
    return this.items.some((item) => item.tells && (this.asFiles || !item.picture));
  }

  /** The tray of a chat: it stays while one looks at another chat. */
  static of(chat: string): Tray {
    return (Tray.#all[chat] ??= new Tray());
  }

  async add(files: readonly File[]): Promise<void> {
    this.problem = undefined;
    const fitting = files.filter(({ size }) => size <= MOST_BYTES);
    const room = Math.max(0, MOST_FILES - this.items.length);
    if (fitting.length > room) this.problem = { code: "too-many", left: fitting.length - room };
    if (fitting.length < files.length)
      this.problem = { code: "too-big", names: files.filter(({ size }) => size > MOST_BYTES).map(({ name }) => name) };
    const fresh = fitting.slice(0, room).map((file): TrayItem => {
      const name = plainFileName(file.name);
      const plain = { blob: file, name, type: typeOf(file.type), look: null };
      return { key: ++this.#last, name, file, state: "reading", plain, tells: false };
    });
    this.items = [...this.items, ...fresh];
    const tools = await browser().openFiles();
    // One after the other: each picture takes its pixels' memory.
    for (const item of fresh) {
      const found = await lookAt(tools, item).catch(() => ({}));
      if (this.items.includes(item)) this.#change(item.key, { ...item, ...found, state: "ready" });
    }
  }

  #change(key: number, next: TrayItem): void {
    this.items = this.items.map((item) => (item.key === key ? next : item));
  }

  /** What goes out for this one as things are. */
  out(item: TrayItem): OutFile {
    return this.asFiles ? item.plain : (item.picture ?? item.plain);
  }

  remove(key: number): void {
    this.problem = undefined;
    const item = this.items.find((one) => one.key === key);
    this.items = this.items.filter((one) => one.key !== key);
    forget(item);
    if (this.items.length === 0) this.asFiles = false;
  }

  /** Everything that goes out; the tray is empty afterwards. What comes of `put` puts it back. */
  take(): { files: readonly OutFile[]; put: () => void; drop: () => void } {
    const [items, asFiles] = [this.items, this.asFiles];
    const files = items.map((item) => this.out(item));
    this.items = [];
    this.asFiles = false;
    this.problem = undefined;
    return {
      files,
      put: () => {
        this.items = [...items, ...this.items].slice(0, MOST_FILES);
        this.asFiles = asFiles;
      },
      drop: () => items.forEach(forget),
    };
  }
}

function forget(item: TrayItem | undefined): void {
  const thumb = item?.thumb;
  if (thumb !== undefined)
    void browser()
      .openFiles()
      .then((tools) => tools.forget(thumb));
}

async function lookAt(tools: FileTools, { file, plain }: TrayItem): Promise<Partial<TrayItem>> {
  const { kind, type } = await tools.recognise(file, file.type);
  const image = kind === "image" || (/^image\//.test(file.type) && !file.type.includes("svg"));
  // Drawn anew it would stand still.
  if (type === "image/gif") {
    const found = await tools.measure(file);
    if (!found) return {};
    const look: Look = { kind: "image", width: found.width, height: found.height, thumbhash: found.thumbhash };
    return { plain: { ...plain, type, look }, thumb: tools.address(file, type) };
  }
  if (image) {
    const made = await tools.shrink(file);
    const known = { ...plain, ...(kind === "image" ? { type } : {}) };
    if (!made) return { plain: known, tells: true };
    const look: Look = { kind: "image", width: made.width, height: made.height, thumbhash: made.thumbhash };
    // A camera's name for it may hold the day: it goes without.
    const picture = { blob: made.blob, name: `photo.${ENDINGS[made.blob.type] ?? "jpg"}`, type: made.blob.type, look };
    return { plain: known, picture, tells: true, thumb: tools.address(made.blob, made.blob.type) };
  }
  if (kind === "video") {
    const found = await tools.measureMovie(file);
    return { plain: { ...plain, type, look: found ? { kind: "video", ...found } : null }, tells: true };
  }
  return kind === "audio" ? { plain: { ...plain, type } } : {};
}
