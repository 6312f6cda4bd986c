/** Which files are kept first is told by name; whatever is not named is among them. */
import { expect, test } from "vitest";
import { splitKept } from "./kept.ts";

const entry = (url: string, revision: string | null = null) => ({ url, revision });

test("named chunks come later, each with its styles, and no other whose name begins so", () => {
  const [first, marked, later] = splitKept([
    entry("assets/calls-aaaa-aaa.js"),
    entry("assets/calls-page-aaaaaaaa.js"),
    entry("assets/CallLayer-aaaaaaaa.css"),
    entry("assets/push.svelte-aaaaaaaa.js"),
    entry("assets/messages-ar-call-aaaaaaaa.js"),
    entry("assets/keys-joins-aaaaaaaa.js"),
    entry("assets/callsome-aaaaaaaa.js"),
    entry("assets/Channels-aaaaaaaa.js"),
    entry("assets/pushXsvelte-aaaaaaaa.js"),
    entry("assets/messages-ar-chat-aaaaaaaa.js"),
    entry("index.html", "abc"),
    entry("icon-512.png", "abd"),
  ]);
  expect(first).toEqual([
    "assets/callsome-aaaaaaaa.js",
    "assets/Channels-aaaaaaaa.js",
    "assets/pushXsvelte-aaaaaaaa.js",
    "assets/messages-ar-chat-aaaaaaaa.js",
  ]);
  expect(marked).toEqual({ "index.html": "abc" });
  expect(later).toEqual([
    "assets/calls-aaaa-aaa.js",
    "assets/calls-page-aaaaaaaa.js",
    "assets/CallLayer-aaaaaaaa.css",
    "assets/push.svelte-aaaaaaaa.js",
    "assets/messages-ar-call-aaaaaaaa.js",
    "assets/keys-joins-aaaaaaaa.js",
  ]);
});
