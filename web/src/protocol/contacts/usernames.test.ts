/** Names, their skeletons and what is refused, as the Python client has them; the key itself is in core/argon2.test. */
import { expect, test } from "vitest";
import vectors from "../../../../vectors/service/usernames.json";
import { skeleton } from "../public/handles.ts";
import { keySource, parseUsername } from "./usernames.ts";

test.each(vectors.spelled)("$typed", ({ typed, name, skeleton: common }) => {
  if (name === null) {
    expect(() => parseUsername(typed)).toThrow(expect.objectContaining({ code: "bad-handle" }));
    return;
  }
  expect(parseUsername(typed)).toBe(name);
  expect(parseUsername(name)).toBe(name);
  expect(skeleton(name)).toBe(common);
});

test("names that look alike give one key, on one server alone", () => {
  for (const { typed, name, skeleton: common } of vectors.names) {
    expect(parseUsername(typed)).toBe(name);
    expect(keySource(name, vectors.server_name).secret).toEqual(new TextEncoder().encode(common));
  }
  const [here, there] = [vectors.server_name, vectors.other_server.server_name].map(
    (one) => keySource("layla", one).salt,
  );
  expect(here).toHaveLength(16);
  expect(here).not.toEqual(there);
});

test("an unpaired surrogate, which no UTF-8 has, is no name", () => {
  expect(() => parseUsername("ab\ud800")).toThrow(expect.objectContaining({ code: "bad-handle" }));
});
