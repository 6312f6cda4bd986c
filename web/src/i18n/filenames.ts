/** Names of files as other people gave them: as they are shown, and as they are saved. Pure. */
import { cleanName } from "./bidi.ts";

/** What changes the direction or is not seen: LRM, RLM, ALM, zero-width characters, the soft hyphen, the byte order mark. */
const UNSEEN = /[\u00AD\u061C\u180E\u200B-\u200F\u2028\u2029\u2060-\u2064\uFEFF]/g;
/** What file managers and shells act upon. */
const ACTED_UPON = /[\u0000-\u001F\u007F-\u009F"*/:<>?\\|]/g;
const MOST_CHARACTERS = 100;
/** Names that Windows keeps for devices. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** As it is shown, to stand in a `<bdi>`. Never empty. */
export function showFileName(name: string): string {
  const shown = cleanName(name.replace(UNSEEN, ""));
  return shown === "" ? "file" : shown;
}

/** Without folders, hidden beginnings and what programs act upon; at most 100 characters, the ending kept. */
export function plainFileName(name: string): string {
  const last = name.split(/[\\/]/).findLast((part) => part.trim() !== "") ?? "";
  const plain = showFileName(last)
    .replace(ACTED_UPON, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  if (plain === "") return "file";
  const letters = [...(DEVICES.test(plain) ? `_${plain}` : plain)];
  if (letters.length <= MOST_CHARACTERS) return letters.join("");
  const ending = /\.\w{1,10}$/.exec(plain)?.[0] ?? "";
  return letters.slice(0, MOST_CHARACTERS - ending.length).join("") + ending;
}
