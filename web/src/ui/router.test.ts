/** Fragments are other people's input: what is no route is the list. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { go, goOn, parentOf, parseRoute, route, to } from "./router.ts";

const ID = "AbC_-12";

test("each screen's fragment leads back to it", () => {
  expect(parseRoute(to.list())).toEqual({ page: "list" });
  expect(parseRoute(to.archive())).toEqual({ page: "archive" });
  expect(parseRoute(to.chat(ID))).toEqual({ page: "chat", id: ID });
  expect(parseRoute(to.info(ID))).toEqual({ page: "info", id: ID });
  expect(parseRoute(to.inside(ID, "m1"))).toEqual({ page: "inside", id: ID, message: "m1" });
  expect(parseRoute(to.create())).toEqual({ page: "new" });
  expect(parseRoute(to.group())).toEqual({ page: "new-group" });
  expect(parseRoute(to.invite())).toEqual({ page: "invite" });
  expect(parseRoute(to.scan())).toEqual({ page: "scan" });
  expect(parseRoute(to.person(ID))).toEqual({ page: "person", id: ID });
  expect(parseRoute(to.settings("devices"))).toEqual({ page: "settings", sub: "devices" });
  expect(parseRoute("#/i/xyz")).toEqual({ page: "opened-invite", payload: "xyz" });
  expect(parseRoute("#/l/xyz")).toEqual({ page: "opened-link", payload: "xyz" });
  expect(parseRoute("#/b/xyz")).toEqual({ page: "bridges", payload: "xyz" });
  expect(parseRoute(to.bridges())).toEqual({ page: "bridges", payload: "" });
  expect(parseRoute(to.shareBridges())).toEqual({ page: "share-bridges" });
  expect(parseRoute(to.channels())).toEqual({ page: "channels" });
  expect(parseRoute(to.channel("أخبار_اليوم"))).toEqual({ page: "channel", handle: "أخبار_اليوم" });
  expect(parseRoute(to.channelInfo("news.1"))).toEqual({ page: "channel-info", handle: "news.1" });
  expect(parseRoute(to.post("новости", ID))).toEqual({ page: "post", handle: "новости", post: ID });
  expect(parseRoute(to.newChannel())).toEqual({ page: "new-channel" });
  expect(parseRoute(to.personas())).toEqual({ page: "personas" });
  expect(parseRoute(to.redress())).toEqual({ page: "redress" });
  expect(parseRoute(to.notice(ID))).toEqual({ page: "notice", decision: ID });
  expect(parseRoute(to.noticeAbout(ID))).toEqual({ page: "notice-about", target: ID });
});

test.each(["", "#", "#/c/", "#/c/<script>", "#/c/a b", "#/people/%00", "#/nothing", "#//c/x", "#/inside/a"])(
  "%j is the list",
  (fragment) => {
    expect(parseRoute(fragment)).toEqual({ page: "list" });
  },
);

test.each(["#/ch/", "#/ch/ab", "#/ch/%E0%A4%A", "#/ch/a%20b%2F", "#/ch/<script>"])(
  "%j is the list of channels",
  (fragment) => {
    expect(parseRoute(fragment)).toEqual({ page: "channels" });
  },
);

test("Back leads one level up", () => {
  expect(parentOf({ page: "inside", id: ID, message: "m" })).toBe(to.chat(ID));
  expect(parentOf({ page: "settings", sub: "devices" })).toBe(to.settings());
  expect(parentOf({ page: "settings", sub: "" })).toBe(to.list());
  expect(parentOf({ page: "chat", id: ID })).toBe(to.list());
  expect(parentOf({ page: "bridges", payload: "x" })).toBe(to.settings("connection"));
  expect(parentOf({ page: "post", handle: "news", post: ID })).toBe(to.channel("news"));
  expect(parentOf({ page: "channel", handle: "news" })).toBe(to.channels());
});

/** The address bar of a browser: it changes at once, and tells of it later, in a task of its own. */
const address = { hash: "" };

beforeEach(() => {
  address.hash = "";
  vi.stubGlobal("location", address);
  vi.stubGlobal("history", { replaceState: (_state: unknown, _title: string, to: string) => (address.hash = to) });
  vi.stubGlobal("HashChangeEvent", Event);
  vi.stubGlobal("dispatchEvent", () => true);
});
afterEach(() => vi.unstubAllGlobals());

test("what was begun on a screen goes on from there", () => {
  go(to.group());
  goOn(route(), to.chat(ID));
  expect(address.hash).toBe(to.chat(ID));
  go(to.post("новости", ID));
  goOn({ page: "post", handle: "новости", post: ID }, to.channel("новости"));
  expect(address.hash).toBe(to.channel("новости"));
});

test.each([
  ["a call that ended", to.call(ID), to.chat(ID)],
  ["a group that was made", to.group(), to.chat(ID)],
  ["a post that was deleted", to.post("news.1", ID), to.channel("news.1")],
  ["an account that was made", "#/i/payload", to.list()],
])("%s leaves whoever went elsewhere meanwhile where they are", (_what, from, next) => {
  go(from);
  const begun = route();
  // By the address bar, a link or Back: no event has told of it yet.
  address.hash = to.settings("privacy");
  goOn(begun, next);
  expect(address.hash).toBe(to.settings("privacy"));
});

test("another screen of the same kind is elsewhere, too", () => {
  go(to.call("other"));
  goOn({ page: "call", id: ID }, to.chat(ID));
  expect(address.hash).toBe(to.call("other"));
});
