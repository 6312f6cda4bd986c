/** Bodies are other people's input: what becomes a link, what never does, and what a spoofed one shows. */
import { expect, test } from "vitest";
import type { Mention } from "../../../core/api.ts";
import { segments, type Segment } from "./segments.ts";

const links = (text: string): Segment[] => segments(text, []).filter(({ kind }) => kind === "link");
const whole = (found: Segment[]): string => found.map(({ text }) => text).join("");

test.each([
  ["see https://example.org/a?b=c.", "https://example.org/a?b=c"],
  ["see example.org now", "https://example.org/"],
  ["write to a@example.org", "mailto:a@example.org"],
])("%s holds a link", (text, href) => {
  expect(links(text)).toHaveLength(1);
  expect(links(text)[0]).toMatchObject({ href });
});

test.each([
  "javascript:alert(1)",
  "javascript://example.org/%0aalert(1)",
  "data:text/html,<script>alert(1)</script>",
  "file:///etc/passwd",
  "blob:https://x/y",
  "vbscript:x",
  "https://user:secret@",
])("%s never becomes a link with its scheme", (text) => {
  for (const link of links(text)) expect(link).toMatchObject({ href: expect.stringMatching(/^(https?|mailto):/) });
});

test("a password before the host is no link: the host would be read wrong", () => {
  expect(links("https://example.org@evil.test/")).not.toContainEqual(
    expect.objectContaining({ href: expect.stringContaining("example.org@") }),
  );
});

test("tags stay words", () => {
  const text = '<img src=x onerror="alert(1)"><b>x</b>';
  expect(whole(segments(text, []))).toBe(text);
});

test("direction controls are gone from links and balanced in words", () => {
  const [words, link] = segments("a\u202Eb https://exa\u202Emple.org", []);
  expect(words).toEqual({ kind: "words", text: "a\u202Eb \u202C" });
  if (link) expect(link.text).not.toMatch(/[\u202A-\u202E]/);
});

test("a host of mixed scripts is shown as on the wire, one of one script as it was written", () => {
  expect(links("https://pаypal.com/x")[0]).toMatchObject({ text: "https://xn--pypal-4ve.com/x" });
  expect(links("https://пример.рф/x")[0]).toMatchObject({ text: "https://пример.рф/x" });
});

const mention = (start: number, end: number, self = false): Mention => ({
  start,
  end,
  self,
  person: { account: "a", name: "Anna" },
});

test("a mention is its range; the words around stay", () => {
  expect(segments("hi @Anna!", [mention(3, 8, true)])).toEqual([
    { kind: "words", text: "hi " },
    { kind: "mention", text: "@Anna", self: true },
    { kind: "words", text: "!" },
  ]);
});

test("ranges that overlap, run backwards or leave the text are words", () => {
  const text = "hi @Anna!";
  for (const bad of [[mention(3, 8), mention(5, 9)], [mention(8, 3)], [mention(3, 99)], [mention(-1, 3)]])
    expect(whole(segments(text, bad))).toBe(text);
});

test("64 kB without a blank, and ten thousand marks, end", () => {
  expect(whole(segments("x".repeat(65_536), []))).toHaveLength(65_536);
  expect(whole(segments("e" + "\u0301".repeat(10_000), []))).toHaveLength(10_001);
});
