/** What stays readable in a frame, and that it cannot be changed; and the frames and stories that Python wrote. */
import { describe, expect, it } from "vitest";
import profile from "../../../../vectors/calls/sframe_profile.json";
import { parseHex } from "../../protocol/bytes.ts";
import { clearBytes, type Codec, openFrame, openRecord, sealFrame, sealRecord } from "./frames.ts";
import { encodeKid, KeyRing, type Opener, type Sealer } from "./keys.ts";
import { FrameRefused, parseHeader, TAG_BYTES } from "./sframe.ts";

function pair(): [KeyRing, KeyRing] {
  const rings: [KeyRing, KeyRing] = [new KeyRing(), new KeyRing()];
  for (const ring of rings) ring.add(1, new Uint8Array(16).fill(4), { removed: false, nowMs: 0 });
  return rings;
}
const payload = Uint8Array.from({ length: 40 }, (_, at) => at);

describe("frames", () => {
  it.each([
    ["vp8", "key", 10],
    ["vp8", "delta", 1],
    ["vp9", "key", 0],
    ["opus", "delta", 0],
  ] as const)("of %s %s leave %i bytes clear", async (codec, type, clear) => {
    const [alice, bob] = pair();
    const shape = { codec, type, nowMs: 0 };
    expect(clearBytes(codec, type)).toBe(clear);
    const sealed = await sealFrame(alice.sender(1, 2), payload, shape);
    expect(sealed.subarray(0, clear)).toEqual(payload.subarray(0, clear));
    const { size } = parseHeader(sealed.subarray(clear));
    expect(sealed).toHaveLength(payload.length + size + TAG_BYTES);
    const changed = sealed.slice();
    changed[0] = (changed[0] ?? 0) ^ 0x40;
    await expect(openFrame(bob.receiver(2), changed, shape)).rejects.toThrow(/tag|header|leaf|key|short/);
    expect(await openFrame(bob.receiver(2), sealed, shape)).toEqual(payload);
  });

  it("without a byte to seal are dropped on both sides", async () => {
    const [alice, bob] = pair();
    const audio = { codec: "opus", type: "delta", nowMs: 0 } as const;
    await expect(sealFrame(alice.sender(1, 2), new Uint8Array(), audio)).rejects.toThrow("empty");
    await expect(openFrame(bob.receiver(2), new Uint8Array(), audio)).rejects.toThrow("empty");
    const key = { codec: "vp8", type: "key", nowMs: 0 } as const;
    await expect(sealFrame(alice.sender(1, 2), new Uint8Array(10), key)).rejects.toThrow("empty");
    await expect(openFrame(bob.receiver(2), new Uint8Array(20), key)).rejects.toThrow("short");
  });

  it("in clear never pass a receiver", async () => {
    const [, bob] = pair();
    for (const codec of ["opus", "vp8"] as const)
      await expect(openFrame(bob.receiver(2), payload, { codec, type: "delta", nowMs: 0 })).rejects.toThrow();
  });

  it("of the media socket carry their header in clear and proved", async () => {
    const [alice, bob] = pair();
    const header = Uint8Array.of(1, 0, 0, 7, 0, 0, 1, 0);
    const sealed = await sealRecord(alice.sender(1, 2), header, payload, 0);
    expect(sealed.subarray(0, 8)).toEqual(header);
    const changed = sealed.slice();
    changed[3] = 8;
    await expect(openRecord(bob.receiver(2), changed, 0)).rejects.toThrow("tag");
    expect(await openRecord(bob.receiver(2), sealed, 0)).toEqual(Uint8Array.of(...header, ...payload));
  });
});

type Step = readonly [at: number, does: string, ...args: readonly (string | number | boolean | null)[]];
const stories = profile.rings as unknown as readonly { readonly about: string; readonly steps: readonly Step[] }[];

/** The bytes of a result, or the reason why there is none. */
async function outcome(work: Promise<Uint8Array>): Promise<Uint8Array | string> {
  return await work.catch((problem: unknown) => {
    if (problem instanceof FrameRefused) return problem.reason;
    throw problem;
  });
}

async function replay(steps: readonly Step[]): Promise<void> {
  const ring = new KeyRing();
  const [sealers, openers] = [new Map<unknown, Sealer>(), new Map<unknown, Opener>()];
  const hex = (text: unknown): Uint8Array => parseHex(String(text));
  for (const [nowMs, does, ...args] of steps) {
    const [first, second, third, fourth, fifth] = args;
    const at = `${does} ${String(first)} at ${nowMs}`;
    if (does === "add") ring.add(Number(first), hex(second), { removed: third === true, nowMs });
    else if (does === "sealer") sealers.set(first, ring.sender(Number(second), Number(third)));
    else if (does === "opener") openers.set(first, ring.receiver(Number(second)));
    else if (does === "forget") ring.clear();
    else if (does === "seal") {
      const sealed = await outcome(sealers.get(first)?.seal(hex(second), hex(third), nowMs) ?? Promise.reject(at));
      expect(sealed, at).toEqual(fourth === null ? "unknown-key" : hex(fourth));
    } else if (does === "open") {
      const opened = await outcome(openers.get(first)?.open(hex(second), hex(third), nowMs) ?? Promise.reject(at));
      expect(opened, at).toEqual(fourth === null ? fifth : hex(fourth));
    } else throw new Error(at);
  }
}

describe("what Python wrote", () => {
  it.each(profile.kid)("KID $kid", ({ ctx, leaf, epoch, kid }) => {
    expect(encodeKid(ctx, leaf, epoch)).toBe(BigInt(`0x${kid}`));
  });

  it("every frame is written and opened alike", async () => {
    for (const row of profile.frames) {
      const rings = [new KeyRing(), new KeyRing()] as const;
      for (const ring of rings) ring.add(300, parseHex(profile.base_key), { removed: false, nowMs: 0 });
      const [sealer, opener] = [rings[0].sender(64, 2), rings[1].receiver(2)];
      for (let ctr = 0; ctr < row.ctr; ctr++) await sealer.seal(new Uint8Array(1), new Uint8Array(), 0);
      const [plain, wire] = [parseHex(row.plain), parseHex(row.wire)];
      if (row.header === undefined) {
        const shape = { codec: row.codec as Codec, type: row.key_frame ? "key" : "delta", nowMs: 0 } as const;
        expect(await sealFrame(sealer, plain, shape)).toEqual(wire);
        expect(await openFrame(opener, wire, shape)).toEqual(plain);
      } else {
        const header = parseHex(row.header);
        expect(await sealRecord(sealer, header, plain, 0)).toEqual(wire);
        expect(await openRecord(opener, wire, 0)).toEqual(Uint8Array.of(...header, ...plain));
      }
    }
  });

  it.each(stories)("$about", async ({ steps }) => {
    await replay(steps);
  });
});
