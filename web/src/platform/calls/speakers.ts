/** Plays what the devices of a call send, without anything on the screen. */

interface Sink {
  setSinkId?(id: string): Promise<void>;
}

export class Speakers {
  readonly #playing = new Map<number, HTMLAudioElement & Sink>();
  #sink: string | undefined;

  /** Of a device, or under any other number. undefined: silence. */
  play(leaf: number, stream: MediaStream | undefined): void {
    const old = this.#playing.get(leaf);
    if (old) old.srcObject = null;
    this.#playing.delete(leaf);
    if (!stream) return;
    const player: HTMLAudioElement & Sink = new Audio();
    player.srcObject = stream;
    this.#playing.set(leaf, player);
    if (this.#sink !== undefined) void player.setSinkId?.(this.#sink).catch(() => undefined);
    // A call begins with a press, which is what browsers want before there is sound.
    void player.play().catch(() => undefined);
  }

  /** Play through another loudspeaker, where the browser can. */
  use(id: string): void {
    this.#sink = id;
    for (const player of this.#playing.values()) void player.setSinkId?.(id).catch(() => undefined);
  }

  stop(): void {
    for (const leaf of [...this.#playing.keys()]) this.play(leaf, undefined);
  }
}
