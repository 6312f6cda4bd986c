/** Who a line of the chat is about: the one who did it, or those whom it happened to. */
import { beforeAll, expect, test } from "vitest";
import { stripControls } from "../../../i18n/bidi.ts";
import { useLanguage } from "../../../i18n/catalogue.ts";
import { sayNotice } from "./notice.ts";

const ANNA = { account: "a", name: "Anna" };
const OMAR = { account: "o", name: "Omar" };
const say = (notice: Parameters<typeof sayNotice>[0]): string => stripControls(sayNotice(notice, "me"));

beforeAll(async () => {
  Object.assign(globalThis, { document: { documentElement: {} } });
  await useLanguage("en");
});

test("who left, joined or has a new key is named, though nobody did it to them", () => {
  expect(say({ code: "left", whom: [ANNA] })).toBe("Anna left the group");
  expect(say({ code: "leaving", whom: [ANNA] })).toBe("Anna is leaving the group");
  expect(say({ code: "key-changed", whom: [OMAR] })).toBe("Omar has a new key. Compare safety numbers.");
  expect(say({ code: "left", whom: [ANNA, OMAR] })).toBe("Anna and Omar left the group");
  expect(say({ code: "left", whom: [{ account: "me", name: "Layla" }] })).toBe("You left the group");
  expect(say({ code: "refused-change" })).toMatch(/^Somebody tried/);
});

test("a call is said by what became of it, and a missed one by who reads it", () => {
  const call = (outcome: "answered" | "missed" | "declined" | "busy" | "failed", seconds = 0) =>
    ({ code: "call", by: ANNA, call: { kind: "audio", outcome, seconds } }) as const;
  expect(say(call("answered", 192))).toBe("Voice call, 03:12");
  expect(say({ ...call("answered"), call: { kind: "video", outcome: "answered", seconds: 3_765 } })).toBe(
    "Video call, 01:02:45",
  );
  expect(say(call("missed"))).toBe("Voice call, missed");
  expect(say({ ...call("missed"), by: { account: "me", name: "Layla" } })).toBe("Voice call, no answer");
  expect(say(call("declined"))).toBe("Voice call, declined");
  expect(say(call("busy"))).toBe("Voice call, busy");
  expect(say(call("failed"))).toBe("Voice call, no connection");
});

test("whoever did something to others comes first", () => {
  expect(say({ code: "added", by: ANNA, whom: [OMAR] })).toBe("Anna added Omar");
  expect(say({ code: "role", by: { account: "me", name: "Layla" }, whom: [OMAR], text: "admin" })).toBe(
    "You made Omar an admin",
  );
});

test("a line without words of its own kind is said by its code", () => {
  expect(say({ code: "you-removed" })).toBe("You were removed from this group");
  expect(say({ code: "overtaken", by: ANNA })).toMatch(/^The server came back .* Anna made it anew/);
  expect(say({ code: "overheard" })).toMatch(/may have read it/);
});

test("a timer is said with its time, and that it was turned off", () => {
  expect(say({ code: "timer", by: ANNA, text: "604800" })).toBe("Anna set messages to disappear after 7 days");
  expect(say({ code: "timer", by: { account: "me", name: "Layla" }, text: "0" })).toBe(
    "You turned disappearing messages off",
  );
});
