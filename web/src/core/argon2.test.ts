/** Argon2id against the reference implementation's tests, and against what the Python client makes of usernames. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { expect, test } from "vitest";
import usernames from "../../../vectors/service/usernames.json";
import { encodeText } from "../protocol/bytes.ts";
import { argon2id, type Argon2Cost } from "./argon2.ts";

test("a key is what the Python client makes of the same", { timeout: 60_000 }, async () => {
  const salt = sha256(encodeText(`zajil username v1${usernames.server_name}`)).slice(0, 16);
  const cost = { memory_kib: 19 * 1024, passes: 2, lanes: 1, bytes: 32 };
  const [{ skeleton, key } = { skeleton: "", key: "" }] = usernames.names;
  expect(bytesToHex(await argon2id(encodeText(skeleton), salt, cost))).toBe(key);
});

test("each cost counts", async () => {
  const salt = encodeText("somesalt");
  const of = async (cost: Partial<Argon2Cost>) =>
    bytesToHex(
      await argon2id(encodeText("password"), salt, { memory_kib: 256, passes: 2, lanes: 1, bytes: 32, ...cost }),
    );
  // `src/test.c` of the reference implementation, version 0x13.
  expect(await of({})).toBe("9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
  expect(await of({ lanes: 2 })).toBe("6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037");
  const others = [await of({ passes: 3 }), await of({ memory_kib: 64 }), await of({ bytes: 16 })];
  for (const other of others) expect((await of({})).startsWith(other)).toBe(false);
});
