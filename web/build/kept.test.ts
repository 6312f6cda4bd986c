/** Which files are kept first is told by name; whatever is not named is among them. */
import { expect, test } from "vitest";
import { splitKept } from "./kept.ts";

const entry = (url: string) => ({ url });

test("named chunks come later, each with its styles, and no other whose name begins so", () => {
  const entries = [
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
    entry("index.html"),
    entry("icon-512.png"),
  ];
  const [first, marked, later] = splitKept(entries, () => new TextEncoder().encode("abc"));
  expect(first).toEqual([
    "assets/callsome-aaaaaaaa.js",
    "assets/Channels-aaaaaaaa.js",
    "assets/pushXsvelte-aaaaaaaa.js",
    "assets/messages-ar-chat-aaaaaaaa.js",
  ]);
  // SHA-256 of "abc" (FIPS 180-2), as `integrity` has it.
  expect(marked).toEqual({ "index.html": "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" });
  expect(later).toEqual([
    "assets/calls-aaaa-aaa.js",
    "assets/calls-page-aaaaaaaa.js",
    "assets/CallLayer-aaaaaaaa.css",
    "assets/push.svelte-aaaaaaaa.js",
    "assets/messages-ar-call-aaaaaaaa.js",
    "assets/keys-joins-aaaaaaaa.js",
  ]);
});
