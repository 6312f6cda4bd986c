/** What ends links between two devices whose pages are played by the test: alarms, watchdog, rates, ends. */
import { describe, expect, it } from "vitest";
import type { Sample } from "../../callorders.ts";
import { connect, Device, offered, Pipe, received, sent, sound } from "../../testing/links.ts";

describe("alarm", () => {
  it("ends everything when more went out than was sealed", async () => {
    const anna = new Device(0);
    const { from, sendId } = await connect(anna, new Device(1));
    await from.put(sound(1), sound(2));
    anna.links.hearPage({ report: "sample", samples: [sent(sendId, 7, 9_000), sent(sendId, 40, 600)] });
    expect(anna.told).toEqual(["measured 1 nothing"]);
    anna.links.hearPage({ report: "sample", samples: [sent(sendId, 8, 9_000)] });
    expect(anna.told.at(-1)).toBe("alarm 1");
    expect(anna.take("close").map(({ id }) => id)).toContain(sendId);
    anna.at(1_000);
    expect(anna.take("send")).toEqual([]);
  });

  it("ends everything when pictures went out unsealed, which a second of waiting shows", async () => {
    const anna = new Device(0);
    const { sendId } = await connect(anna, new Device(1));
    const pictures = new Pipe(sendId, "video");
    anna.links.attach(pictures.transformer);
    await pictures.put({ type: "key", data: new Uint8Array(30).buffer });
    const frames = (videoFrames: number): Sample => ({ ...sent(sendId, 0), videoFrames }) as Sample;
    for (const [at, count] of [
      [0, 3],
      [500, 4],
      [1_499, 40],
    ] as const) {
      anna.nowMs = at;
      anna.links.hearPage({ report: "sample", samples: [frames(count)] });
    }
    expect(anna.told).not.toContain("alarm 1");
    anna.nowMs = 1_500;
    anna.links.hearPage({ report: "sample", samples: [frames(40)] });
    expect(anna.told).toContain("alarm 1");
  });

  it("ends everything when pictures are shown that never opened", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 0, 3)] });
    expect(omar.told).toEqual(["alarm 0"]);
  });

  it("is none for the others when 25 frames of one device open to nobody: its link ends alone", async () => {
    const zoe = new Device(1);
    const { to, receiveId } = await connect(new Device(0), zoe);
    zoe.links.openLink(2, { relayOnly: false });
    const [toHer, toOther] = zoe.take("send").map(({ id }) => id);
    await to.put(...Array.from({ length: 24 }, (_, n) => sound(n)));
    expect(zoe.told).toEqual([]);
    await to.put(sound(24));
    expect(zoe.told).toEqual(["unopened 0"]);
    const closed = zoe.take("close").map(({ id }) => id);
    expect(closed).toEqual(expect.arrayContaining([receiveId, toHer]));
    expect(closed).not.toContain(toOther);
    // Whatever it signals is heard by nobody, and what is left over of its frames does nothing.
    zoe.links.hear(0, offered(900));
    await to.put(...Array.from({ length: 25 }, (_, n) => sound(n)));
    zoe.at(30_000);
    expect(zoe.take("receive")).toEqual([]);
    expect(zoe.told.filter((one) => /alarm|unopened/.test(one))).toEqual(["unopened 0"]);
    zoe.links.hearPage({ report: "sample", samples: [] });
    expect(zoe.figures.map(({ leaf }) => leaf)).toEqual([2]);
  });

  it("does not come from a double or from a frame of an early epoch", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to } = await connect(anna, omar);
    anna.links.useKey(6, new Uint8Array(16).fill(3), true);
    const wire = await from.put(...Array.from({ length: 40 }, (_, n) => sound(n)));
    expect(await to.put(...wire)).toEqual([]);
    omar.links.useKey(6, new Uint8Array(16).fill(3), true);
    expect(await to.put(...wire)).toHaveLength(40);
    expect(await to.put(...wire)).toEqual([]);
    expect(omar.told).toEqual([]);
  });

  it("is not needed where sound arrives that never opens: the attempt ends", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    for (const [at, packets] of [
      [0, 10],
      [1_000, 60],
      [1_999, 110],
    ] as const) {
      omar.nowMs = at;
      omar.links.hearPage({ report: "sample", samples: [received(receiveId, packets)] });
    }
    expect(omar.take("close")).toEqual([]);
    omar.nowMs = 2_000;
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 111)] });
    expect(omar.take("close")).toEqual([{ order: "close", id: receiveId }]);
    expect(omar.told.filter((one) => !one.startsWith("measured"))).toEqual([]);
  });

  it("is nothing that a transform without an attempt could pass by", async () => {
    const anna = new Device(0);
    const stray = new Pipe(77);
    anna.links.attach(stray.transformer);
    anna.links.attach({ ...stray.transformer, options: undefined });
    expect(stray.transformer.readable.locked).toBe(false);
  });
});

describe("rates and ends", () => {
  it("asks for smaller pictures with three people, and for less of both when told", async () => {
    const anna = new Device(0);
    anna.links.openLink(1, { relayOnly: false });
    expect(anna.take("send")[0]?.rate).toMatchObject({ audioKbps: 32, video: { height: 360, kbps: 600 } });
    anna.links.openLink(2, { relayOnly: false });
    expect(anna.take("rate").at(-1)?.rate).toMatchObject({ audioKbps: 32, video: { height: 180, kbps: 150 } });
    anna.links.setStep(2, "no-video");
    expect(anna.take("rate").at(-1)?.rate).toEqual({ audioKbps: 32 });
    anna.links.setStep(2, "least-audio");
    const last = anna.take("rate");
    expect(last.at(-1)?.rate).toEqual({ audioKbps: 16 });
    // Nobody else loses by it.
    expect(last).toHaveLength(1);
  });

  it("closes both directions at once, and hears no late signal", async () => {
    const omar = new Device(1);
    const { receiveId } = await connect(new Device(0), omar);
    omar.links.closeLink(0);
    expect(omar.take("close").map(({ id }) => id)).toContain(receiveId);
    omar.links.hear(0, offered(90));
    expect(omar.take("receive")).toEqual([]);
  });

  it("does not judge a connection before it is heard, nor after it is lost", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, receiveId } = await connect(anna, omar);
    const second = (nowMs: number): void => {
      omar.nowMs = nowMs;
      omar.links.hearPage({ report: "sample", samples: [{ ...received(receiveId, 0), samples: nowMs * 48 }] });
    };
    for (const nowMs of [0, 1_000, 2_000]) second(nowMs);
    omar.nowMs = 2_500;
    await to.put(...(await from.put(sound(1))));
    for (const nowMs of [3_000, 4_000]) second(nowMs);
    omar.at(4_000);
    for (const nowMs of [5_000, 6_000]) second(nowMs);
    const measured = omar.told.filter((one) => one.startsWith("measured 0"));
    expect(measured.map((one) => one.split(" ")[2])).toEqual([
      ...["nothing", "nothing", "nothing"],
      ...["nothing", "48000"],
      ...["nothing", "nothing"],
    ]);
  });

  it("asks for a sample each half second and measures gaps between them", async () => {
    const [anna, omar] = [new Device(0), new Device(1)];
    const { from, to, receiveId } = await connect(anna, omar);
    omar.at(0);
    omar.at(400);
    omar.at(500);
    expect(omar.take("sample")).toHaveLength(2);
    await to.put(...(await from.put(sound(1))));
    omar.nowMs = 580;
    await to.put(...(await from.put(sound(2))));
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 2)] });
    omar.links.hearPage({ report: "sample", samples: [received(receiveId, 2)] });
    expect(omar.figures.map(({ opened }) => opened?.audio.gapMs)).toEqual([80, 0]);
    expect(omar.figures[0]).toMatchObject({
      leaf: 0,
      opened: { audio: { opened: 2 } },
      samples: [{ audioPackets: 2 }],
    });
  });
});
