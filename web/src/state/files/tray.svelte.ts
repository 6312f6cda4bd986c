/** What will go with the next message of a chat: pictures drawn anew, everything else as it is. */
import type { OutFile } from "../../core/api.ts";
import { plainFileName } from "../../i18n/filenames.ts";
import type { Looked } from "../../platform/files/looking.ts";
import { browser } from "../host.ts";

/** Of one message, and of one file in bytes (docs/protocol/files.md). */
export const MOST_FILES = 10;
export const MOST_BYTES = 104_857_584;

export interface TrayItem extends Looked {
  readonly key: number;
  readonly name: string;
  readonly file: File;
  /** reading: it is being looked at, and not ready yet. */
  readonly state: "reading" | "ready";
}

export type TrayProblem =
  | { readonly code: "too-many"; readonly left: number }
  | { readonly code: "too-big"; readonly names: readonly string[] };

/** Content types that are words of ours or simple ones; else bytes. */
const typeOf = (type: string): string => {
  const bare = type.split(";")[0] ?? "";
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(bare) ? bare : "application/octet-stream";
};

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
      const found = await tools.look(item.file, item.plain).catch(() => ({ tells: true }));
      const next: TrayItem = { ...item, ...found, state: "ready" };
      if (this.items.includes(item)) this.#change(item.key, next);
      else forget(next);
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
        const all = [...items, ...this.items];
        const left = all.slice(MOST_FILES);
        this.items = all.slice(0, MOST_FILES);
        this.asFiles = asFiles;
        left.forEach(forget);
        if (left.length > 0) this.problem = { code: "too-many", left: left.length };
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
