/** Each rule of direction and spoofing that is a function; the rest is looked at in the browser stories. */
import { describe, expect, test } from "vitest";
import { balance, cleanName, directionOf, isolate, isolateLeftToRight, mixesScripts, stripControls } from "./bidi.ts";

const CONTROLS = ["\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069"];

describe("names and links", () => {
  test.each(CONTROLS)("control %j is stripped", (control) => {
    expect(stripControls(`a${control}b`)).toBe("ab");
    expect(cleanName(`Anna${control}gpj.exe`)).toBe("Annagpj.exe");
    expect(isolateLeftToRight(`https://x.y/${control}`)).toBe("\u2066https://x.y/\u2069");
  });
  test("marks that join or separate letters stay: they belong to Persian and emoji", () => {
    expect(cleanName("می\u200Cخواهم")).toBe("می\u200Cخواهم");
    expect(cleanName("👩\u200D💻")).toBe("👩\u200D💻");
  });
  test("a name is one line", () => {
    expect(cleanName("Anna\n\u0000\u2028Bot ")).toBe("Anna Bot");
  });
  test("a name in a sentence is isolated, and cannot end its isolate itself", () => {
    expect(isolate("عمر\u2069\u202E")).toBe("\u2068عمر\u2069");
  });
});

describe("bodies", () => {
  test("text without controls is the same text", () => {
    expect(balance("سلام hello")).toBe("سلام hello");
  });
  test("what opens is closed at the end of its paragraph", () => {
    expect(balance("a\u202Eb\nc")).toBe("a\u202Eb\u202C\nc");
    expect(balance("\u2067x")).toBe("\u2067x\u2069");
    expect(balance("\u2067\u202Bx")).toBe("\u2067\u202Bx\u202C\u2069");
  });
  test("what closes nothing is dropped", () => {
    expect(balance("a\u202Cb\u2069c")).toBe("abc");
    expect(balance("\u2067a\u202Cb\u2069")).toBe("\u2067ab\u2069");
  });
  test("an isolate closes the embeddings opened inside it", () => {
    expect(balance("\u2067\u202Ba\u2069b")).toBe("\u2067\u202Ba\u202C\u2069b");
  });
  test("ten thousand openers end", () => {
    expect(balance("\u202E".repeat(10_000))).toHaveLength(20_000);
  });
});

describe("hosts", () => {
  test.each(["example.org", "пример.рф", "пример.com", "مثال.com", "xn--80ak6aa92e.com"])(
    "%s is of one script",
    (host) => {
      expect(mixesScripts(host)).toBe(false);
    },
  );
  test.each(["pаypal.com", "exаmple.org", "google.соm.evil", "аpple.example.com"])("%s mixes scripts", (host) => {
    expect(mixesScripts(host)).toBe(true);
  });
});

describe("paragraphs", () => {
  test.each([
    ["hello سلام", "ltr"],
    ["سلام hello", "rtl"],
    ["123 (سلام)", "rtl"],
    ["123", "ltr"],
    ["👍 שלום", "rtl"],
    ["", "ltr"],
  ])("%j runs %s", (text, direction) => {
    expect(directionOf(text)).toBe(direction);
  });
});
