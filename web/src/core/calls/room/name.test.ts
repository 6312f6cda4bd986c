/** The room's name, which members of both languages derive alike (tests/client/calls/test_roomvoice.py). */
import { expect, test } from "vitest";
import { encodeHex } from "../../../protocol/bytes.ts";
import { deriveRoom } from "./name.ts";

test("a call's room", async () => {
  const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, at) => at);
  expect(encodeHex(await deriveRoom(bytes(16), bytes(32)))).toBe("f280df1bd95ae11d4509e30287dd47b4");
});
