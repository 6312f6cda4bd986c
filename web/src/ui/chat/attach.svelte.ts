/** What a composer does with files: the tray, the voice note that is recorded, and their sending. */
import { t } from "../../i18n/catalogue.ts";
import { codeOf, sayError } from "../../i18n/errors.ts";
import type { MentionRange, OpenChat } from "../../state/chat.svelte.ts";
import { VoiceRecording } from "../../state/files/recording.svelte.ts";
import { Tray } from "../../state/files/tray.svelte.ts";
import { toasts } from "../../state/toasts.svelte.ts";
import { fileParts } from "../files/load.svelte.ts";

export class Attach {
  recording = $state.raw<VoiceRecording>();
  /** What was pressed is being stored. */
  busy = $state(false);
  readonly tray;
  readonly #chat: OpenChat;

  constructor(chat: OpenChat) {
    this.#chat = chat;
    this.tray = Tray.of(chat.id);
    if (this.tray.items.length > 0) void this.#parts();
  }

  async #parts(): Promise<boolean> {
    try {
      await fileParts.load();
      return true;
    } catch {
      toasts.show(t.screen_not_loaded(), "danger");
      return false;
    }
  }

  #tell(code: string): void {
    toasts.show((fileParts.here?.sayFileError ?? sayError)(code), "danger");
  }

  async add(files: Iterable<File> | null | undefined): Promise<void> {
    const found = [...(files ?? [])];
    if (found.length > 0 && (await this.#parts())) await this.tray.add(found);
  }

  /** False where nothing was stored; then the tray holds what it held. */
  async send(text: string, reply: string | undefined, mentions: readonly MentionRange[]): Promise<boolean> {
    const { files, put, drop } = this.tray.take();
    this.busy = true;
    try {
      await this.#chat.sendFiles(files, text, reply, mentions);
      drop();
      return true;
    } catch (error) {
      put();
      this.#tell(codeOf(error));
      return false;
    } finally {
      this.busy = false;
    }
  }

  async record(): Promise<void> {
    if (this.recording || !(await this.#parts())) return;
    const recording = new VoiceRecording();
    this.recording = recording;
    try {
      await recording.start();
    } catch (error) {
      if (this.recording === recording) this.recording = undefined;
      const code = codeOf(error);
      toasts.show((await fileParts.here?.sayRefusal(code)) ?? sayError(code), "danger");
    }
  }

  cancelRecording(): void {
    this.recording?.cancel();
    this.recording = undefined;
  }

  /** False where nothing was sent. */
  async sendRecording(reply: string | undefined): Promise<boolean> {
    const recording = this.recording;
    if (!recording || this.busy) return false;
    this.busy = true;
    try {
      const note = await recording.finish();
      if (note) await this.#chat.sendFiles([note], "", reply, []);
      else if (fileParts.here) toasts.show(fileParts.here.sayNothing(), "note");
      return note !== undefined;
    } catch (error) {
      this.#tell(codeOf(error));
      return false;
    } finally {
      this.busy = false;
      this.recording = undefined;
    }
  }
}
