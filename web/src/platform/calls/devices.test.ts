/** What of the person's devices is open and sent, whatever order the prompts and the call's news come in. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connections } from "./connections.ts";
import { CallDevices } from "./devices.ts";

interface Track {
  readonly kind: string;
  readonly id: string | undefined;
  enabled: boolean;
  stopped: boolean;
  stop(): void;
}

/** The browser's devices: each prompt is answered by the test. */
const prompts: (() => Track)[] = [];
const tracks: Track[] = [];
const allow = async (): Promise<void> => {
  for (const prompt of prompts.splice(0)) prompt();
  await new Promise((resolve) => setTimeout(resolve));
};

function getUserMedia({ audio, video }: { audio?: object; video?: object }): Promise<MediaStream> {
  const wanted = (audio ?? video) as { deviceId?: { exact: string } };
  return new Promise((resolve) => {
    prompts.push(() => {
      const track: Track = {
        ...{ kind: audio ? "audio" : "video", id: wanted.deviceId?.exact, enabled: true, stopped: false },
        stop: () => void (track.stopped = true),
      };
      tracks.push(track);
      resolve({ getTracks: () => [track] } as unknown as MediaStream); // the part that is used
      return track;
    });
  });
}

let devices: CallDevices;
beforeEach(() => {
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  devices = new CallDevices();
});
afterEach(() => {
  vi.unstubAllGlobals();
  for (const kept of [prompts, tracks]) kept.splice(0);
});

test("a camera is sent only while the call says that it is on", async () => {
  const worker = {} as Worker; // no connection is opened
  const connections = new Connections({
    worker,
    devices,
    report: () => undefined,
    show: () => undefined,
    play: () => undefined,
  });
  const media = (camera: boolean): void => connections.obey({ order: "media", microphone: true, camera });
  let changes = 0;
  devices.changed = () => (changes += 1);
  void devices.useCamera();
  await allow();
  expect(devices.camera).toBeUndefined();
  media(true);
  expect([devices.camera, changes]).toEqual([tracks[0], 2]);
  media(true);
  expect(changes).toBe(2);
  media(false);
  expect([devices.camera, changes]).toEqual([undefined, 3]);
  devices.stop();
  media(true);
  devices.stop();
  void devices.useCamera();
  await allow();
  // The next call begins without it.
  expect(devices.camera).toBeUndefined();
});

test("choosing a camera while none is on opens none, and the next time it is the one", async () => {
  devices.hide(false);
  await devices.chooseCamera("back");
  expect([prompts.length, devices.cameraId]).toEqual([0, "back"]);
  void devices.useCamera();
  await allow();
  expect(tracks.map(({ id }) => id)).toEqual(["back"]);
  void devices.chooseCamera("front");
  await allow();
  expect([tracks.map(({ stopped }) => stopped), devices.camera]).toEqual([[true, false], tracks[1]]);
});

test("a prompt that is answered after the call ended leaves nothing open", async () => {
  const [microphone, camera] = [devices.useMicrophone(), devices.useCamera()];
  devices.stop();
  await allow();
  expect(tracks.map(({ stopped }) => stopped)).toEqual([true, true]);
  expect(await Promise.all([microphone, camera])).toEqual([false, false]);
  expect([devices.microphone, devices.camera]).toEqual([undefined, undefined]);
});
