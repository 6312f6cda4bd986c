/** The sound of a call that rings, made here: two soft notes for who is called, the line's long tone for who calls. */

interface Note {
  /** Hz. */
  readonly pitch: number;
  /** Seconds from the start of the pattern. */
  readonly at: number;
  readonly length: number;
}
interface Pattern {
  readonly notes: readonly Note[];
  readonly every_s: number;
  readonly loudness: number;
}

const PATTERNS: Readonly<Record<"incoming" | "outgoing", Pattern>> = {
  incoming: {
    notes: [0, 0.9].flatMap((at) => [
      { pitch: 523.25, at, length: 0.28 },
      { pitch: 659.25, at: at + 0.3, length: 0.4 },
    ]),
    every_s: 3,
    loudness: 0.25,
  },
  outgoing: { notes: [{ pitch: 425, at: 0, length: 1 }], every_s: 4, loudness: 0.06 },
};
/** Fade in and out, so that nothing clicks. */
const EDGE_S = 0.03;

/** Answers what ends it. Silent where the browser has no audio or wants a touch first. */
export function startRing(kind: "incoming" | "outgoing"): () => void {
  if (!("AudioContext" in globalThis)) return () => undefined;
  const audio = new AudioContext();
  const pattern = PATTERNS[kind];
  // Refused, with an error in the console, while nobody has touched the page.
  const vibrate = kind === "incoming" && "vibrate" in navigator && navigator.userActivation?.hasBeenActive;

  function round(): void {
    if (audio.state === "suspended") void audio.resume().catch(() => undefined);
    if (audio.state !== "running") return;
    for (const note of pattern.notes) play(audio, note, pattern.loudness);
    if (vibrate) navigator.vibrate([300, 200, 300]);
  }

  audio.addEventListener("statechange", round, { once: true });
  round();
  const timer = setInterval(round, pattern.every_s * 1000);
  return () => {
    clearInterval(timer);
    if (vibrate) navigator.vibrate(0);
    void audio.close().catch(() => undefined);
  };
}

function play(audio: AudioContext, note: Note, loudness: number): void {
  const [tone, gain] = [audio.createOscillator(), audio.createGain()];
  const from = audio.currentTime + note.at;
  const until = from + note.length;
  tone.type = "sine";
  tone.frequency.value = note.pitch;
  gain.gain.setValueAtTime(0, from);
  gain.gain.linearRampToValueAtTime(loudness, from + EDGE_S);
  gain.gain.setValueAtTime(loudness, until - EDGE_S);
  gain.gain.linearRampToValueAtTime(0, until);
  tone.connect(gain).connect(audio.destination);
  tone.start(from);
  tone.stop(until);
}
