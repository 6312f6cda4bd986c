/** The calls of this tab: devices and connections here, decisions and keys in the call worker. */
import type { FromCallWorker, ToCallWorker } from "../../core/callorders.ts";
import type { CallAct, CallView } from "../../core/calls/view.ts";
import type { Link } from "../../core/link.ts";
import type { CallDevice, CallOptions, CallVideos, Calls } from "../../state/host.ts";
import { type CallMedia, startCalls } from "./calls.ts";
import { DeviceRefused, listDevices } from "./devices.ts";

/** Rejects with code `unsupported` where the browser cannot encrypt calls, `not-leading` in a tab that does not lead. */
export async function openPage(link: Link, start: () => Worker, options: CallOptions): Promise<Calls> {
  const { port1, port2 } = new MessageChannel();
  const page = new PageCalls(link, start(), port1, options);
  try {
    await link.call("open_calls", { port: port2 });
  } catch (error) {
    page.close();
    throw error;
  }
  return page;
}

type DeviceCode = NonNullable<CallVideos["refused"]>;
type Opening = Extract<CallAct, { act: "start" | "answer" | "return" }>;
const coded = (code: string): Error => Object.assign(new Error(code), { code });
const isOver = ({ phase }: CallView): boolean => phase === "idle" || phase === "ended";

class PageCalls implements Calls {
  readonly #link: Link;
  readonly #worker: Worker;
  readonly #media: CallMedia;
  readonly #options: CallOptions;
  readonly #viewers = new Set<(view: CallView) => void>();
  readonly #watchers = new Set<() => void>();
  readonly #pictures = new Map<number, MediaStream>();
  #own: MediaStream | undefined;
  #refused: DeviceCode | undefined;
  #view: CallView | undefined;
  #speaker = "";
  /** An act to begin a call was posted, and no call was shown since. */
  #starting = false;
  /** Devices are open for a call of this page, or for what will be one. */
  #joined = false;
  /** Acts that wait for the browser's devices. */
  #opening = 0;

  constructor(link: Link, worker: Worker, port: MessagePort, options: CallOptions) {
    this.#link = link;
    this.#worker = worker;
    this.#options = options;
    const media = startCalls(worker, port, {
      show: (leaf, stream) => this.#picture(leaf, stream),
      ended: () => this.#died(),
    });
    if (!media) throw coded("unsupported");
    this.#media = media;
    const apply = media.devices.changed;
    media.devices.changed = () => {
      apply();
      const { camera } = media.devices;
      this.#own = camera && new MediaStream([camera]);
      this.#tell();
    };
    worker.addEventListener("message", ({ data }: MessageEvent<FromCallWorker>) => {
      if ("view" in data) this.#take(data.view);
      else if ("about" in data) void this.#tellChat(data.about);
    });
  }

  async #tellChat(chat: string): Promise<void> {
    const unknown = { chat, known: false, group: false, heard: false, trusted: false };
    try {
      const view = await this.#link.call("chat", { id: chat });
      const other = view.members.find((member) => !member.self);
      const known = view.status === "active";
      const group = view.kind === "group";
      // Who holds another key than the one that was checked or used before may be somebody else.
      const sure = !view.key_changed;
      const trusted = sure && !group && other?.contact === true;
      this.#post({ chat, known, group, heard: sure && view.may.send, trusted });
    } catch {
      this.#post(unknown);
    }
  }

  #post(message: ToCallWorker): void {
    this.#worker.postMessage(message);
  }

  #take(view: CallView): void {
    // What rings, or what a reload cut off: the call that was begun here did not begin.
    const another = (view.phase === "ringing" && view.direction === "incoming") || view.phase === "recovering";
    if (isOver(view) ? view.phase === "ended" || this.#isLive() : this.#starting && another) this.#release();
    if (!isOver(view)) this.#starting = false;
    this.#view = view;
    // Nobody is to wait for a picture, nor to believe that one is sent.
    if (this.#refused && this.#joined && view.camera && !isOver(view)) this.#postAct({ act: "camera", on: false });
    for (const viewer of this.#viewers) viewer(view);
  }

  #isLive(): boolean {
    return this.#view !== undefined && !isOver(this.#view);
  }

  #release(): void {
    this.#joined = this.#starting = false;
    this.#refused = undefined;
    this.#media.devices.stop();
  }

  /** Without its worker nothing may go on: what was shown ends here. */
  #died(): void {
    if (this.#view && !isOver(this.#view))
      this.#take({ ...this.#view, phase: "ended", ended: "failed", encrypted: false });
    this.#options.died();
  }

  #picture(leaf: number, stream: MediaStream | undefined): void {
    if (stream) this.#pictures.set(leaf, stream);
    else this.#pictures.delete(leaf);
    this.#tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async act(act: CallAct): Promise<void> {
    if (act.act === "start" || act.act === "answer" || act.act === "return") {
      if (!(await this.#openDevices(act))) return;
      this.#starting = act.act === "start";
      this.#joined = true;
    } else if (act.act === "camera" && !(await this.#turnCamera(act.on))) return;
    else if (act.act === "hang_up" && !this.#isLive()) this.#release();
    this.#postAct(act);
  }

  #postAct(act: CallAct): void {
    this.#post({ act, hideAddress: this.#options.hideAddress() });
  }

  /**
   * The microphone must be there; a call with pictures goes on without the camera.
   *
   * False: while the browser asked, the call that they are for was over, or another one came.
   */
  async #openDevices(act: Opening): Promise<boolean> {
    const { devices } = this.#media;
    this.#opening += 1;
    let opened: boolean;
    try {
      opened = await devices.useMicrophone();
      const pictures = act.act === "return" ? this.#view?.camera === true : act.kind === "video";
      if (opened && pictures && this.#isWanted(act)) await this.#openCamera().catch(() => false);
    } catch (error) {
      throw coded(problemOf(error));
    } finally {
      this.#opening -= 1;
    }
    if (opened && this.#isWanted(act)) return true;
    if (!this.#joined && this.#opening === 0) devices.stop();
    return false;
  }

  #isWanted(act: Opening): boolean {
    if (act.act === "start") return !this.#isLive();
    return this.#isLive() && (act.act === "return" || act.call === this.#view?.call);
  }

  /** False: it was turned off again meanwhile. */
  async #turnCamera(on: boolean): Promise<boolean> {
    if (on) return this.#openCamera();
    this.#media.devices.closeCamera();
    this.#refuse(undefined);
    return true;
  }

  async #openCamera(): Promise<boolean> {
    try {
      const opened = await this.#media.devices.useCamera();
      this.#refuse(undefined);
      return opened;
    } catch (error) {
      this.#refuse(problemOf(error));
      throw coded(problemOf(error));
    }
  }

  #refuse(why: DeviceCode | undefined): void {
    this.#refused = why;
    this.#tell();
  }

  onView(listener: (view: CallView) => void): () => void {
    this.#viewers.add(listener);
    if (this.#view) listener(this.#view);
    return () => this.#viewers.delete(listener);
  }

  videos(): CallVideos {
    const [own, refused] = [this.#own, this.#refused];
    return { peers: new Map(this.#pictures), ...(own && { own }), ...(refused && { refused }) };
  }

  onVideos(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  async devices(): Promise<readonly CallDevice[]> {
    const { microphones, cameras, speakers } = await listDevices();
    const { microphone, cameraId = "" } = this.#media.devices;
    const used = { microphone: idOf(microphone), camera: cameraId, speaker: this.#speaker };
    const kinds = { microphone: microphones, camera: cameras, speaker: canChooseSpeaker() ? speakers : [] };
    return (["microphone", "camera", "speaker"] as const).flatMap((kind) =>
      kinds[kind].map(({ id, label }, at) => ({
        ...{ id, kind, label },
        chosen: used[kind] === id || (used[kind] === "" && at === 0),
      })),
    );
  }

  async choose({ kind, id }: CallDevice): Promise<void> {
    if (kind === "microphone") await this.#media.devices.useMicrophone(id);
    else if (kind === "camera") await this.#media.devices.chooseCamera(id);
    else {
      this.#speaker = id;
      this.#media.speakers.use(id);
    }
  }

  close(): void {
    this.#media.stop();
    this.#viewers.clear();
    this.#watchers.clear();
  }
}

function problemOf(error: unknown): DeviceCode {
  return error instanceof DeviceRefused && error.problem === "permission-denied" ? "permission-denied" : "no-device";
}

const idOf = (track: MediaStreamTrack | undefined): string => track?.getSettings().deviceId ?? "";
const canChooseSpeaker = (): boolean => "setSinkId" in HTMLMediaElement.prototype;
