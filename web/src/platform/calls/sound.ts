/** Sound of calls that go over the server: the page connects microphone, audio thread and loudspeaker, and hears none. */
import soundUrl from "./calls-sound.ts?worker&url";
import type { CallDevices } from "./devices.ts";

/** As everything else in these calls: mono, 48 kHz. No loudspeaker: what is played goes on as a stream. */
const CONTEXT = { sampleRate: 48_000, sinkId: { type: "none" } } as AudioContextOptions;
const MONO = { channelCount: 1, channelCountMode: "explicit" } as const;

/** Whether this browser has an audio thread for pages. */
export const canSound = (): boolean => typeof AudioWorkletNode === "function";

/** The audio of one page: there while somebody uses it. */
export class Sounds {
  #open: { readonly context: AudioContext; readonly ready: Promise<void>; users: number } | undefined;

  /** Throws where the browser has no audio. */
  join(): { readonly context: AudioContext; readonly ready: Promise<void> } {
    if (!this.#open) {
      const context = new AudioContext(CONTEXT);
      void context.resume();
      this.#open = { context, ready: context.audioWorklet.addModule(soundUrl), users: 0 };
    }
    this.#open.users += 1;
    return this.#open;
  }

  leave(): void {
    if (!this.#open) return;
    this.#open.users -= 1;
    if (this.#open.users > 0) return;
    void this.#open.context.close().catch(() => undefined);
    this.#open = undefined;
  }
}

/** One end of sound, with a node on the audio thread that speaks to the call worker. */
abstract class SoundEnd {
  readonly id: number;
  protected readonly context: AudioContext;
  readonly #sounds: Sounds;
  #node: AudioWorkletNode | undefined;
  #closed = false;

  /** failed: it cannot be. */
  protected constructor(
    of: { readonly id: number; readonly port: MessagePort; readonly node: string; readonly inputs: number },
    from: { readonly sounds: Sounds; failed(id: number): void },
  ) {
    this.id = of.id;
    this.#sounds = from.sounds;
    const { context, ready } = from.sounds.join();
    this.context = context;
    ready
      .then(() => {
        if (this.#closed) return;
        const outputs = { numberOfOutputs: 1, outputChannelCount: [1] };
        this.#node = new AudioWorkletNode(context, of.node, { ...MONO, ...outputs, numberOfInputs: of.inputs });
        this.#node.port.postMessage({ port: of.port }, [of.port]);
        this.connect(this.#node);
      })
      .catch(() => {
        if (!this.#closed) from.failed(of.id);
      });
  }

  protected abstract connect(node: AudioWorkletNode): void;

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#node?.port.postMessage({ end: true });
    this.#node?.disconnect();
    this.#sounds.leave();
  }
}

/** The microphone, while it is live; silence otherwise. */
export class SoundSending extends SoundEnd {
  readonly #devices: CallDevices;
  #ear: AudioWorkletNode | undefined;
  #live = false;
  #source: MediaStreamAudioSourceNode | undefined;

  constructor(
    of: { readonly id: number; readonly port: MessagePort },
    from: { readonly sounds: Sounds; readonly devices: CallDevices; failed(id: number): void },
  ) {
    super({ ...of, node: "zajil-ear", inputs: 1 }, from);
    this.#devices = from.devices;
  }

  protected override connect(node: AudioWorkletNode): void {
    this.#ear = node;
    // A node that leads nowhere is not run.
    node.connect(this.context.destination);
    this.applyTracks();
  }

  setLive(live: boolean): void {
    this.#live = live;
    this.applyTracks();
  }

  /** The person's microphone is another one. */
  applyTracks(): void {
    this.#source?.disconnect();
    this.#source = undefined;
    const { microphone } = this.#devices;
    if (!this.#live || !microphone || !this.#ear) return;
    this.#source = this.context.createMediaStreamSource(new MediaStream([microphone]));
    this.#source.connect(this.#ear);
  }

  override close(): void {
    this.#source?.disconnect();
    super.close();
  }
}

/** What one device says. */
export class SoundReceiving extends SoundEnd {
  readonly leaf: number;
  readonly stream: MediaStream;
  readonly #sink: MediaStreamAudioDestinationNode;

  constructor(
    of: { readonly id: number; readonly leaf: number; readonly port: MessagePort },
    from: { readonly sounds: Sounds; failed(id: number): void },
  ) {
    super({ ...of, node: "zajil-mouth", inputs: 0 }, from);
    this.leaf = of.leaf;
    this.#sink = new MediaStreamAudioDestinationNode(this.context, MONO);
    this.stream = this.#sink.stream;
  }

  protected override connect(node: AudioWorkletNode): void {
    node.connect(this.#sink);
  }
}
