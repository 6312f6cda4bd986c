/** The connection to a media room: opened, renewed, given up, and what may not be sent on it. */
import { beforeEach, expect, test } from "vitest";
import type { MediaWay } from "../way.ts";
import { Carrier, DOUBT_EACH_MS, DOUBTS, GIVE_UP_MS, WAITING_BYTES } from "./carrier.ts";
import type { SealedRecord } from "./records.ts";

class FakeWay implements MediaWay {
  readonly sent: Uint8Array[] = [];
  waiting = 0;
  closed = false;
  onrecord: MediaWay["onrecord"] = () => undefined;
  onclose: MediaWay["onclose"] = () => undefined;
  send(record: Uint8Array): void {
    this.sent.push(record);
  }
  close(): void {
    this.closed = true;
  }
}

let now: number;
let ways: FakeWay[];
let refuses: boolean;
let heard: number[];
let gone: number;
let carrier: Carrier;

const way = (at: number): FakeWay => {
  const found = ways[at];
  if (!found) throw new Error("no such connection");
  return found;
};
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const record = Uint8Array.of(1, 0, 0, 1) as SealedRecord;

async function at(ms: number): Promise<void> {
  now = ms;
  carrier.tick(now);
  await settle();
}

beforeEach(async () => {
  [now, ways, refuses, heard, gone] = [0, [], false, [], 0];
  carrier = new Carrier({
    open() {
      if (refuses) return Promise.reject(new Error("unreachable"));
      const way = new FakeWay();
      ways.push(way);
      return Promise.resolve(way);
    },
    nowMs: () => now,
    record: ([first = 0]) => void heard.push(first),
    gone: () => (gone += 1),
  });
  carrier.start();
  await settle();
});

test("sends what is sealed, and nothing behind 16 KiB that wait", () => {
  expect(carrier.send(record)).toBe(true);
  way(0).waiting = WAITING_BYTES + 1;
  expect(carrier.send(record)).toBe(false);
  expect(way(0).sent).toEqual([record]);
});

test.each([1012, 4401, 1006])("after %d another connection is opened at once, then ever later", async (code) => {
  await at(5_000);
  way(0).onclose(code);
  expect(carrier.send(record)).toBe(false);
  await settle();
  expect([ways.length, carrier.send(record)]).toEqual([2, true]);
  // One that ends as soon as it is there is not asked for without end.
  way(1).onclose(code);
  await settle();
  expect(ways.length).toBe(2);
  await at(5_500);
  expect(ways.length).toBe(3);
});

test("without a connection for 10 s it gives up, once, and may be wanted again", async () => {
  refuses = true;
  await at(4_000);
  way(0).onclose(1006);
  for (let ms = 4_100; ms <= 4_000 + GIVE_UP_MS; ms += 100) await at(ms);
  expect(gone).toBe(1);
  refuses = false;
  await at(30_000);
  expect(ways.length).toBe(1);
  carrier.start();
  await settle();
  expect(ways.length).toBe(2);
});

test.each([4403, 1013])("%d is no reason to come again", (code) => {
  way(0).onclose(code);
  expect([gone, ways.length]).toEqual([1, 1]);
});

test("one that may be dead is renewed, and both are heard until the old one ends", async () => {
  carrier.renew();
  await settle();
  expect(ways.length).toBe(1);
  await at(1_000);
  carrier.renew();
  await settle();
  expect([ways.length, way(0).closed]).toEqual([2, false]);
  carrier.send(record);
  way(0).onrecord(Uint8Array.of(7));
  way(1).onrecord(Uint8Array.of(8));
  expect([heard, way(0).sent, way(1).sent]).toEqual([[7, 8], [], [record]]);
  await at(3_000);
  expect(ways.map(({ closed }) => closed)).toEqual([true, false]);
  expect(gone).toBe(0);
});

test("a peer cannot have us use up the tickets of our address", async () => {
  for (let ms = 2_000; ms <= 200_000; ms += 2_000) {
    await at(ms);
    carrier.doubt();
    await settle();
  }
  expect(ways.length).toBeGreaterThan(DOUBTS);
  expect(ways.length).toBeLessThanOrEqual(1 + DOUBTS + 200_000 / DOUBT_EACH_MS);
  // What this device sees by itself is not held up by that.
  const before = ways.length;
  await at(201_000);
  carrier.renew();
  await settle();
  expect(ways.length).toBe(before + 1);
});

test("what is prepared is opened once, as often as a peer may have us open", async () => {
  expect(carrier.prepare()).toBe(false);
  const prepared: boolean[] = [];
  for (let turn = 0; turn <= DOUBTS; turn++) {
    carrier.stop();
    prepared.push(carrier.prepare());
    carrier.start();
    await settle();
  }
  // The first one was opened before.
  expect(prepared).toEqual([...Array.from({ length: DOUBTS - 1 }, () => true), false, false]);
  expect([ways.length, gone]).toEqual([DOUBTS, 0]);
  await at(100);
  expect(gone).toBe(1);
});

test("before the server ends it, after ten minutes, it is changed", async () => {
  await at(539_900);
  expect(ways.length).toBe(1);
  await at(540_000);
  await at(540_100);
  expect([ways.length, way(0).closed]).toEqual([2, false]);
});

test("nothing stays open once it is not wanted, also what was being opened", async () => {
  carrier.stop();
  carrier.start();
  carrier.stop();
  await settle();
  expect(ways.map(({ closed }) => closed)).toEqual([true, true]);
});
