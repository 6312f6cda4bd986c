/** Movies that name others: a player that knows them may ask another host for them. */
import { expect, test } from "vitest";
import { recogniseFile } from "./reading.ts";

const be32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const box = (name: string, ...parts: (string | readonly number[])[]): number[] => {
  const inside = parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : [...part]));
  return [...be32(inside.length + 8), ...Buffer.from(name), ...inside];
};
const movie = (...boxes: number[][]): Blob =>
  new Blob([Uint8Array.from([...box("ftyp", "qt  ", be32(0)), ...boxes.flat()])]);
const dref = (flags: number, place: string): number[] =>
  box("moov", box("trak", box("dref", be32(0), be32(1), box("url ", be32(flags), place))));
const kindOf = async (blob: Blob): Promise<string> => (await recogniseFile(blob, "")).kind;

/** More than is looked at of a file's beginning. */
const PICTURES = box("mdat", Array<number>(300_000).fill(0));

test("a movie that holds its pictures is played, wherever its tables stand", async () => {
  expect(await kindOf(movie(dref(1, "")))).toBe("video");
  expect(await kindOf(movie(PICTURES, dref(1, "")))).toBe("video");
  // A recording in pieces: the last one may be cut.
  expect(await kindOf(movie(dref(1, ""), box("moof"), PICTURES.slice(0, 1_000)))).toBe("video");
});

test.each([
  ["a place for its pictures", dref(0, "https://example.org/a")],
  ["another movie", box("moov", box("rmra", box("rmda", box("rdrf", be32(0), "url ", be32(1), "h"))))],
  ["tables that are packed", box("moov", box("cmov", box("dcom", "zlib")))],
  ["an alias", box("moov", box("trak", box("dref", be32(0), be32(1), box("alis", be32(0)))))],
])("a movie with %s is a file", async (_, tables) => {
  expect(await kindOf(movie(tables))).toBe("other");
  expect(await kindOf(movie(PICTURES, tables))).toBe("other");
  expect(await kindOf(movie(dref(1, ""), PICTURES, tables))).toBe("other");
});
