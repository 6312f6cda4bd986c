/** The person's microphone, camera and loudspeaker: what there is, what was refused, and which one is in use. */

export type DeviceProblem = "permission-denied" | "device-absent" | "device-busy";

/** A device that could not be opened. */
export class DeviceRefused extends Error {
  readonly problem: DeviceProblem;

  constructor(problem: DeviceProblem) {
    super(problem);
    this.name = "DeviceRefused";
    this.problem = problem;
  }
}

export interface Device {
  readonly id: string;
  /** Empty until the person has allowed one of its kind. */
  readonly label: string;
}

export interface DeviceList {
  readonly microphones: readonly Device[];
  readonly cameras: readonly Device[];
  readonly speakers: readonly Device[];
}

const PROBLEMS: Readonly<Record<string, DeviceProblem>> = {
  NotAllowedError: "permission-denied",
  SecurityError: "permission-denied",
  NotFoundError: "device-absent",
  OverconstrainedError: "device-absent",
};

/** What a failure of `getUserMedia` means to the person. */
export const problemOf = (failure: unknown): DeviceProblem =>
  (failure instanceof Error ? PROBLEMS[failure.name] : undefined) ?? "device-busy";

export async function listDevices(): Promise<DeviceList> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const ofKind = (kind: MediaDeviceKind): Device[] =>
    all.filter((one) => one.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { microphones: ofKind("audioinput"), cameras: ofKind("videoinput"), speakers: ofKind("audiooutput") };
}

/** Devices came or went. Answers a function that ends the listening. */
export function onDevices(listener: () => void): () => void {
  navigator.mediaDevices.addEventListener("devicechange", listener);
  return () => navigator.mediaDevices.removeEventListener("devicechange", listener);
}

async function open(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  try {
    const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
    if (track) return track;
  } catch (failure) {
    throw new DeviceRefused(problemOf(failure));
  }
  throw new DeviceRefused("device-absent");
}

const chosen = (id: string | undefined): MediaTrackConstraints => (id === undefined ? {} : { deviceId: { exact: id } });

const openMicrophone = (id?: string): Promise<MediaStreamTrack> =>
  open({ audio: { ...chosen(id), channelCount: 1, echoCancellation: true, noiseSuppression: true } });

const openCamera = (id?: string): Promise<MediaStreamTrack> =>
  open({ video: { ...chosen(id), width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 30 } } });

/**
 * The devices of one call. The microphone stays open while muted, so that unmuting loses no word; the camera is closed
 * while it is off, so that its light says the truth.
 */
export class CallDevices {
  #microphone: MediaStreamTrack | undefined;
  #camera: MediaStreamTrack | undefined;
  #muted = false;
  /** The call does not say that the camera is on; so does none at first. */
  #hidden = true;
  #chosenCamera: string | undefined;
  /** Raised when one is closed: what was asked for before is not wanted any more. */
  readonly #closed = { microphone: 0, camera: 0 };
  /** Tracks are others than before. */
  changed: () => void = () => undefined;

  get microphone(): MediaStreamTrack | undefined {
    return this.#microphone;
  }

  /** The one that is sent and shown: none while it is hidden. */
  get camera(): MediaStreamTrack | undefined {
    return this.#hidden ? undefined : this.#camera;
  }

  /** The one in use, or to be used next. Undefined: whichever the browser takes. */
  get cameraId(): string | undefined {
    return this.#camera?.getSettings().deviceId ?? this.#chosenCamera;
  }

  /**
   * Open a microphone, or change to another one; false: it is not wanted any more, and closed again.
   *
   * Throws DeviceRefused; then the old one stays.
   */
  async useMicrophone(id?: string): Promise<boolean> {
    const track = await this.#await("microphone", openMicrophone(id));
    if (!track) return false;
    track.enabled = !this.#muted;
    this.#microphone?.stop();
    this.#microphone = track;
    this.changed();
    return true;
  }

  /** Open the chosen camera; otherwise as `useMicrophone`. */
  async useCamera(): Promise<boolean> {
    const track = await this.#await("camera", openCamera(this.#chosenCamera));
    if (!track) return false;
    this.#camera?.stop();
    this.#camera = track;
    this.changed();
    return true;
  }

  /** The prompt may be answered long after its call ended: nothing stays open then. */
  async #await(
    kind: "microphone" | "camera",
    opening: Promise<MediaStreamTrack>,
  ): Promise<MediaStreamTrack | undefined> {
    const closed = this.#closed[kind];
    const track = await opening;
    if (closed === this.#closed[kind]) return track;
    track.stop();
    return undefined;
  }

  /** Which camera to use; none is opened for it while none is on. */
  async chooseCamera(id: string): Promise<void> {
    this.#chosenCamera = id;
    if (this.#camera) await this.useCamera();
  }

  /** Whatever is open, nothing of it leaves while the call says that the camera is off. */
  hide(hidden: boolean): void {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    this.changed();
  }

  /** Silence flows on while muted: its packets look like those of speech. */
  mute(muted: boolean): void {
    this.#muted = muted;
    if (this.#microphone) this.#microphone.enabled = !muted;
  }

  closeCamera(): void {
    this.#closed.camera += 1;
    this.#camera?.stop();
    this.#camera = undefined;
    this.changed();
  }

  stop(): void {
    this.#closed.microphone += 1;
    this.#microphone?.stop();
    this.#microphone = undefined;
    this.#hidden = true;
    this.closeCamera();
  }
}
