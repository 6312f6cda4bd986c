/** All chats into one file, made by the worker and handed over as a download. */
import type { ArchiveWords } from "../../core/api.ts";
import { Press } from "../ask.svelte.ts";
import { browser, call } from "../host.ts";

export class Archive {
  readonly press = new Press();
  running = $state<"html" | "json">();

  /** name: without its ending. Whether it was written. */
  async save(format: "html" | "json", name: string, words: ArchiveWords): Promise<boolean> {
    if (this.press.busy) return false;
    this.running = format;
    const written = await this.press.done(async () => {
      const blob = await call("export_chats", { format, words });
      (await browser().openFiles()).save(`${name}.${format}`, blob);
    });
    this.running = undefined;
    return written;
  }
}
