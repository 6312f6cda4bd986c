/** Where we are, from the fragment: ids never reach a server's log, and one build works under any path. */
import { createSubscriber } from "svelte/reactivity";

export type Route =
  | { readonly page: "list" }
  /** The chats that are out of the list. */
  | { readonly page: "archive" }
  /** Strangers who ask to write. */
  | { readonly page: "requests" }
  | { readonly page: "chat"; readonly id: string }
  | { readonly page: "info"; readonly id: string }
  | { readonly page: "call"; readonly id: string }
  | { readonly page: "inside"; readonly id: string; readonly message: string }
  | { readonly page: "new" }
  | { readonly page: "new-group" }
  | { readonly page: "invite" }
  | { readonly page: "scan" }
  | { readonly page: "person"; readonly id: string }
  | { readonly page: "settings"; readonly sub: string }
  /** A link that somebody opened: shown, never acted on without a press. */
  | { readonly page: "opened-invite"; readonly payload: string }
  | { readonly page: "opened-group"; readonly payload: string }
  | { readonly page: "opened-link"; readonly payload: string }
  /** Bridges to add: of a link that somebody opened, or, without payload, to be pasted or scanned. */
  | { readonly page: "bridges"; readonly payload: string }
  | { readonly page: "share-bridges" }
  /** The public space: channels and posts by the words of their links. */
  | { readonly page: "channels" }
  | { readonly page: "channel"; readonly handle: string }
  | { readonly page: "channel-info"; readonly handle: string }
  | { readonly page: "post"; readonly handle: string; readonly post: string }
  | { readonly page: "new-channel" }
  | { readonly page: "personas" }
  /** Decisions about oneself: all, one, or the one about a post. */
  | { readonly page: "redress" }
  | { readonly page: "notice"; readonly decision: string }
  | { readonly page: "notice-about"; readonly target: string };

/** Fragments of the screens. Ids are base64url, so none needs escaping; handles are words of any script. */
export const to = {
  list: (): string => "#/",
  archive: (): string => "#/archive",
  requests: (): string => "#/requests",
  chat: (id: string): string => `#/c/${id}`,
  info: (id: string): string => `#/c/${id}/info`,
  inside: (chat: string, message: string): string => `#/inside/${chat}/${message}`,
  /** The call of a chat; the chat itself where there is none. */
  call: (id: string): string => `#/call/${id}`,
  create: (): string => "#/new",
  group: (): string => "#/new/group",
  invite: (): string => "#/invite",
  scan: (): string => "#/scan",
  person: (account: string): string => `#/people/${account}`,
  bridges: (): string => "#/b",
  shareBridges: (): string => "#/share-bridges",
  channels: (): string => "#/ch",
  channel: (handle: string): string => `#/ch/${encodeURIComponent(handle)}`,
  channelInfo: (handle: string): string => `#/ch/${encodeURIComponent(handle)}/info`,
  post: (handle: string, post: string): string => `#/ch/${encodeURIComponent(handle)}/p/${post}`,
  newChannel: (): string => "#/new/channel",
  personas: (): string => "#/personas",
  redress: (): string => "#/decisions",
  notice: (decision: string): string => `#/decisions/${decision}`,
  noticeAbout: (target: string): string => `#/decisions/about/${target}`,
  settings: (sub = ""): string => (sub ? `#/settings/${sub}` : "#/settings"),
};

const ID = /^[A-Za-z0-9_-]{1,100}$/;

/** The route a fragment names; the list for what names none. */
export function parseRoute(fragment: string): Route {
  const [first = "", second = "", third = "", fourth = ""] = fragment.replace(/^#?\/?/, "").split("/");
  const id = ID.test(second) ? second : "";
  if (first === "c" && id) return third === "info" ? { page: "info", id } : { page: "chat", id };
  if (first === "archive" || first === "requests") return { page: first };
  if (first === "inside" && id && ID.test(third)) return { page: "inside", id, message: third };
  if (first === "call" && id) return { page: "call", id };
  if (first === "people" && id) return { page: "person", id };
  if (first === "ch") return parsePublic(second, third, fourth);
  if (first === "personas") return { page: "personas" };
  if (first === "decisions" && second === "about" && ID.test(third)) return { page: "notice-about", target: third };
  if (first === "decisions") return id ? { page: "notice", decision: id } : { page: "redress" };
  if (first === "new" && second === "channel") return { page: "new-channel" };
  if (first === "new") return { page: second === "group" ? "new-group" : "new" };
  if (first === "invite") return { page: "invite" };
  if (first === "scan") return { page: "scan" };
  if (first === "settings") return { page: "settings", sub: /^[a-z-]{1,30}$/.test(second) ? second : "" };
  if (first === "i") return { page: "opened-invite", payload: second };
  if (first === "g") return { page: "opened-group", payload: second };
  if (first === "l") return { page: "opened-link", payload: second };
  if (first === "b") return { page: "bridges", payload: second };
  if (first === "share-bridges") return { page: "share-bridges" };
  return { page: "list" };
}

const HANDLE = /^[\p{L}\p{M}\p{N}_.]{3,64}$/u;

function parsePublic(second: string, third: string, fourth: string): Route {
  const handle = decodeHandle(second);
  if (handle === undefined) return { page: "channels" };
  if (third === "info") return { page: "channel-info", handle };
  return third === "p" && ID.test(fourth) ? { page: "post", handle, post: fourth } : { page: "channel", handle };
}

function decodeHandle(text: string): string | undefined {
  try {
    const handle = decodeURIComponent(text);
    return HANDLE.test(handle) ? handle : undefined;
  } catch {
    return undefined;
  }
}

const PUBLIC: readonly Route["page"][] = [
  ...(["channels", "channel", "channel-info", "post", "new-channel"] as const),
  ...(["personas", "redress", "notice", "notice-about"] as const),
];

/** Whether it is a screen of the public space. */
export function isPublic(route: Route): boolean {
  return PUBLIC.includes(route.page);
}

/** Where Back leads: one level up, whatever way we came. */
export function parentOf(route: Route): string {
  switch (route.page) {
    case "info":
    case "call":
    case "inside":
      return to.chat(route.id);
    case "new-group":
    case "invite":
    case "scan":
      return to.create();
    case "bridges":
    case "share-bridges":
      return to.settings("connection");
    case "channel-info":
    case "post":
      return to.channel(route.handle);
    case "channel":
    case "new-channel":
    case "personas":
    case "redress":
      return to.channels();
    case "notice":
    case "notice-about":
      return to.redress();
    case "settings":
      return route.sub ? to.settings() : to.list();
    default:
      return to.list();
  }
}

const subscribe = createSubscriber((update) => {
  addEventListener("hashchange", update);
  return () => removeEventListener("hashchange", update);
});

/** The route now; reactive. */
export function route(): Route {
  subscribe();
  return parseRoute(location.hash);
}

/** Go to a fragment, at once. `replace`: the screen we leave is not worth coming back to. */
export function go(fragment: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", fragment);
  else location.hash = fragment;
  dispatchEvent(new HashChangeEvent("hashchange")); // the browser's own comes later, or not at all
}

/**
 * A step that nobody presses: the end of what was begun at `from`. Whoever has gone elsewhere meanwhile stays there.
 *
 * It asks the address itself: what effects know of it is older, until the browser has told of its change.
 */
export function goOn(from: Route, fragment: string): void {
  if (isSame(route(), from)) go(fragment, { replace: true });
}

function isSame(one: Route, other: Route): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
