/**
 * What the service worker keeps before it is there, and what it keeps later.
 *
 * First is all that reading, writing and queueing need, app lock and the ways to the server among it; and whatever is not
 * named here. Later comes what needs the server, or what nobody opens first where there is none: it is there without a
 * server too, once a page had a quiet moment (`src/sw.ts`). Messages come by a bridge where the server of these files is
 * blocked, so no rule of the chats may need one of the later. tests/web/test_package.py checks that nothing of the first
 * needs anything of the later by a static import, nor a rule by any.
 */
import { hash } from "node:crypto";

/** By the names of chunks. */
export const LATER: readonly string[] = [
  // Calls.
  ...["calls", "calls-page", "calls-sound", "CallLayer", "ring"],
  // The recovery key, other devices, history, an end and a beginning.
  ...["kept", "RecoveryScreens", "LinkThis", "LinkPage", "receiving", "handing", "signup"],
  ...["Start", "solving", "LastingSlot"],
  // Links, names and who is reached by them; what draws and reads codes.
  ...["Invite", "InviteCard", "invites", "invites.svelte", "OpenedInvite", "joins", "JoinScreens", "usernames"],
  ...["Scan", "decode"],
  // The public space.
  ...["public", "feed", "ChannelList", "ChannelInfo", "Channel", "NewChannel", "Post", "Personas", "Redress", "Notice"],
  ...["PublicMark", "NeedPersona", "link", "channels.svelte", "notices.svelte", "personas.svelte"],
  // Reports, what the server sees, settings that change something there.
  ...["reports", "Report", "ServerView", "inside", "push.svelte", "PushQuestion", "LockPage", "Settings"],
];
/** Parts of the words. */
export const LATER_WORDS: readonly string[] = ["call", "recovery", "joins", "public", "start"];
const BIG_ICON = /^icon-512\.png$/;

const escape = (name: string): string => name.replace(".", "\\.");
const NAMED = new RegExp(
  `^assets/(?:${LATER.map(escape).join("|")}|(?:messages-\\w+|keys)-(?:${LATER_WORDS.join("|")}))-[\\w-]{8}\\.\\w+$`,
);
const HASHED = /^assets\/.*-[\w-]{8}\.\w+$/;

interface Entry {
  readonly url: string;
}

/**
 * Hashed names that are kept first; the others, with the hash of their contents as `integrity` has it; hashed names that
 * are kept later. read: the contents of a name.
 */
export function splitKept(
  entries: readonly Entry[],
  read: (name: string) => Uint8Array,
): [first: string[], marked: Record<string, string>, later: string[]] {
  const hashed = entries.map(({ url }) => url).filter((url) => HASHED.test(url));
  const marked = entries.filter(({ url }) => !HASHED.test(url) && !BIG_ICON.test(url));
  return [
    hashed.filter((url) => !NAMED.test(url)),
    Object.fromEntries(marked.map(({ url }) => [url, `sha256-${hash("sha256", read(url), "base64")}`])),
    hashed.filter((url) => NAMED.test(url)),
  ];
}
