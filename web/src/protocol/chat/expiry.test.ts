/** The pure rule of disappearing messages: the vectors that Python reads too, and clocks that leap. */
import { describe, expect, it } from "vitest";
import vectors from "../../../../vectors/service/expiry.json";
import { findDeadline, findSpan, lookAt, SPAN_MAX_S } from "./expiry.ts";

describe("expiry", () => {
  it("is what Python has", () => {
    expect(SPAN_MAX_S).toBe(vectors.span_max_s);
    for (const { expires, sent, span_s } of vectors.spans) {
      const asked = expires === null ? null : { relative: expires[0] as boolean, time: expires[1] as number };
      expect(findSpan(asked, sent)).toBe(span_s);
    }
    for (const { span_s, start, now, at } of vectors.deadlines) expect(findDeadline(span_s, start, now)).toBe(at);
    for (const { at, span_s, now, left } of vectors.looks) expect(lookAt(at, span_s, now)).toBe(left);
  });

  it("leaves one span at most, however the clock leaps", () => {
    let seed = 7;
    const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most;
    for (let walk = 0; walk < 500; walk++) {
      const span_s = 1 + random(SPAN_MAX_S);
      let now = 1_700_000_000_000;
      let deadline: number | null = findDeadline(span_s, now + random(1_000) - 500, now);
      for (let n = 0; n < 12 && deadline !== null; n++) {
        now = Math.max(0, now + (random(2 * SPAN_MAX_S) - SPAN_MAX_S) * 1000);
        const left: number | null = lookAt(deadline, span_s, now);
        expect(left === null).toBe(deadline <= now);
        if (left !== null) {
          expect(left).toBeLessThanOrEqual(Math.min(deadline, now + span_s * 1000));
          expect(lookAt(left, span_s, now + span_s * 1000)).toBeNull();
        }
        deadline = left;
      }
    }
  });
});
