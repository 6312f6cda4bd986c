/** The echo of a bare carrier takes its own answers and nothing else. Python's twin has the same tests. */
import { describe, expect, it } from "vitest";
import { Echo } from "./echo.ts";
import { encodeRecord, parseRecord, type SessionFrame } from "./wire.ts";

const pong = (id: number, size = 4096): Uint8Array => encodeRecord({ type: "Pong", id }, size);
const FIRST = 0xec000000;

describe("the echo", () => {
  it("is six PINGs of 4,096 bytes, done when each is answered once", () => {
    const echo = new Echo(5);
    const ids = echo.records().map((record) => {
      expect(record.length).toBe(4096);
      const frame = parseRecord(record);
      return frame.type === "Ping" ? frame.id : 0;
    });
    expect(ids).toEqual([0, 1, 2, 3, 4, 5].map((n) => FIRST + n));
    for (const [n, id] of ids.entries()) {
      expect(echo.done).toBe(false);
      expect(echo.feed(pong(id), 6 + n)).toBe(true);
      expect(echo.feed(pong(id), 6 + n)).toBe(false);
    }
    expect([echo.done, echo.receivedBytes, echo.elapsedS]).toEqual([true, 24_576, 6]);
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["zeros", new Uint8Array(4096)],
    ["no record", new Uint8Array(4096).fill(255)],
    ["another's answer", pong(1)],
    ["a short answer", pong(FIRST, 256)],
    ["a question", encodeRecord({ type: "Ping", id: FIRST } satisfies SessionFrame, 4096)],
  ])("leaves %s to the session", (_, record) => {
    const echo = new Echo(0);
    expect(echo.feed(record, 1)).toBe(false);
    expect(echo.receivedBytes).toBe(0);
  });

  it("stops after 3 silent seconds, or 15 in all", () => {
    const echo = new Echo(10);
    expect(echo.stopsAt).toBe(13);
    echo.feed(encodeRecord({ type: "Ack", ack: 1 }), 12);
    expect(echo.stopsAt).toBe(15);
    echo.feed(pong(FIRST + 3), 24);
    expect(echo.stopsAt).toBe(25);
  });
});
