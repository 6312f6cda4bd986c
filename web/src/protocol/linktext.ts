/** The text of a link: where it was given out, and the fragment that no server ever sees. */
import { error, ZajilError } from "./errors.ts";
import { encodeB64 } from "./ids.ts";

const MOST_CHARACTERS = 4096;

/** `<front><path>#<fragment>`, or the fragment alone where front is empty. */
export function joinLink(front: string, path: string, data: Uint8Array): string {
  return front ? `${front.replace(/\/+$/, "")}${path}#${encodeB64(data)}` : encodeB64(data);
}

/** Front ("" for a bare fragment) and fragment. Throws HomeError `bad-link` for a link of another kind. */
export function splitLink(text: string, path: string): { readonly front: string; readonly fragment: string } {
  const link = text.trim();
  if (link.length > MOST_CHARACTERS) throw error("bad-link");
  const at = link.indexOf("#");
  if (at < 0) return { front: "", fragment: link };
  const before = link.slice(0, at);
  if (before && !(/^https?:\/\//.test(before) && before.endsWith(path))) throw error("bad-link");
  return { front: before.slice(0, Math.max(0, before.length - path.length)), fragment: link.slice(at + 1) };
}

/** What `read` returns; `bad-link` in place of any other error of ours. */
export function orBadLink<T>(read: () => T): T {
  try {
    return read();
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    throw error("bad-link");
  }
}
