/** Calls about files. What carries them out is loaded with the first one, or where a message waits for its files. */
import { error } from "../../protocol/errors.ts";
import type { FileCalls } from "../files/view.ts";
import type { Files } from "../files/files.ts";
import type { Told } from "../state/step.ts";
import type { Handlers, Host } from "./handlers.ts";

const NAMES = ["send_files", "withdraw_files", "hurry_files", "fetch_file", "stop_fetch"] as const;

/** The files of one leading device. */
export class FileDoor {
  readonly #host: Host;
  #files: Promise<Files> | undefined;
  #closed = false;

  constructor(host: Host) {
    this.#host = host;
  }

  readonly verbs = {
    uploads: async (a) => ((await this.#count("upload")) > 0 ? (await this.open()).uploads(a) : []),
    ...Object.fromEntries(NAMES.map((name) => [name, async (a: never) => (await this.open())[name](a)])),
  } as Handlers<keyof FileCalls>; // each name has its own arguments, on both sides

  /** Go on with what waits. */
  async begin(): Promise<void> {
    if ((await this.#count("upload")) > 0) await this.open();
  }

  /** Steps told this: files of what was deleted go. */
  async hear(told: readonly Told[]): Promise<void> {
    if (told.some(({ code }) => code === "deleted" || code === "expired") && (await this.#count("file")) > 0)
      await (await this.open()).sweep();
  }

  close(): void {
    this.#closed = true;
    void this.#files?.then((files) => files.close());
  }

  #count(table: "upload" | "file"): Promise<number> {
    return this.#host.store.look((tx) => tx.count(table));
  }

  /** Them, once they are loaded. */
  async open(): Promise<Files> {
    try {
      this.#files ??= import("../files/files.ts").then(({ Files }) => Files.open(this.#host));
      const files = await this.#files;
      if (this.#closed) files.close();
      return files;
    } catch (problem) {
      this.#files = undefined;
      throw problem instanceof TypeError ? error("unreachable") : problem;
    }
  }
}
