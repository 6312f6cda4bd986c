/** Hostile names of files. */
import { expect, test } from "vitest";
import { plainFileName, showFileName } from "./filenames.ts";

test("what turns a name round or hides in it is not shown", () => {
  expect(showFileName("invoice\u202Efdp.exe")).toBe("invoicefdp.exe");
  expect(showFileName("a\u200Fb\u061Cc\u200B.txt")).toBe("abc.txt");
  expect(showFileName("two\nlines.txt")).toBe("two lines.txt");
  expect(showFileName("\u202E")).toBe("file");
  expect(showFileName("تقرير.pdf")).toBe("تقرير.pdf");
});

test("a saved name has no folders, no hidden beginning and nothing to act upon", () => {
  expect(plainFileName("../../etc/passwd")).toBe("passwd");
  expect(plainFileName("C:\\Windows\\evil.exe")).toBe("evil.exe");
  expect(plainFileName(".bashrc")).toBe("bashrc");
  expect(plainFileName('a"b<c>d|e?f*g:h.txt')).toBe("a_b_c_d_e_f_g_h.txt");
  expect(plainFileName("nul.txt")).toBe("_nul.txt");
  expect(plainFileName("  ...  ")).toBe("file");
  expect(plainFileName("/")).toBe("file");
});

test("a long name keeps its ending, and no letter is cut in two", () => {
  const long = plainFileName(`${"😀".repeat(200)}.jpeg`);
  expect([...long]).toHaveLength(100);
  expect(long.endsWith("😀.jpeg")).toBe(true);
});
