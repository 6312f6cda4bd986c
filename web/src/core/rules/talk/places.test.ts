/** Which chats people see among theirs. Twin of tests/client/test_listed.py. */
import { expect, test } from "vitest";
import vectors from "../../../../../vectors/service/listed.json" with { type: "json" };
import * as rows from "../../state/rows.ts";
import type { Chat } from "../../state/rows.ts";
import { isListed } from "./places.ts";

test.each(vectors.chats)("a chat shows or does not: %o", ({ merged, listed, ...fields }) => {
  const named = { gid: "a", kind: 1, title: "", merged: merged ? "b" : "" };
  expect(isListed({ ...rows.EMPTY_CHAT, ...named, ...fields } as Chat)).toBe(listed);
});
