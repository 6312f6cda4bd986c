/** Files of a message in a few words: for the list of chats, quotes, notifications and whoever listens. */
import { isolate } from "./bidi.ts";
import { t } from "./catalogue.ts";
import { formatSpan } from "./date.ts";
import { counted } from "./number.ts";

/** What is said of one; core/api.ts's FileView fits. */
export interface SaidFile {
  readonly name: string;
  readonly type: string;
  readonly look: { readonly kind: string; readonly duration_ms?: number } | null;
}

/** What it is shown as before it is fetched: its sender's word. */
export function kindSaid({ type, look }: SaidFile): "photo" | "video" | "voice" | "file" {
  if (look?.kind === "voice" && type.startsWith("audio/")) return "voice";
  if (look?.kind === "video" && type.startsWith("video/")) return "video";
  return look?.kind === "image" || /^image\/(png|jpeg|webp|gif|avif)$/.test(type) ? "photo" : "file";
}

/** Empty where there are none. */
export function sayFiles(files: readonly SaidFile[]): string {
  const [file] = files;
  if (!file) return "";
  const kind = kindSaid(file);
  if (files.length > 1)
    return files.every((one) => kindSaid(one) === "photo")
      ? t.file_photos(counted(files.length))
      : t.files_count(counted(files.length));
  if (kind === "photo") return t.file_photo();
  if (kind === "video") return t.file_video();
  if (kind === "voice") return t.file_voice({ length: formatSpan((file.look?.duration_ms ?? 0) / 1000) });
  return t.file_named({ name: isolate(file.name) });
}

/** Files and text of a message as one string: the text is an isolate, since it may run the other way. */
export function sayBody(message: { readonly text?: string; readonly files: readonly SaidFile[] }): string {
  const text = message.text ?? "";
  const said = sayFiles(message.files);
  return said === "" || text === "" ? said + text : t.said({ who: said, text });
}
