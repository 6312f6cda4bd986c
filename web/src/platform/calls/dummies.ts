/**
 * Tracks that send nothing of the person: silence, and a black picture.
 *
 * Chromium 156 sends no packet for a destination without a source, and no frame for a canvas that does not change.
 */
const REDRAW_MS = 200;

export interface Dummies {
  readonly audio: MediaStreamTrack;
  readonly video: MediaStreamTrack;
  stop(): void;
}

/** Newer than TypeScript's library: a context that plays nowhere depends on no loudspeaker that may be busy or gone. */
interface SilentOptions extends AudioContextOptions {
  readonly sinkId: { readonly type: "none" };
}
const SILENT: SilentOptions = { sinkId: { type: "none" } };

/** Fresh ones; any number of connections may send them. Throws where the browser has no AudioContext or canvas. */
export function makeDummies(): Dummies {
  const context = new AudioContext(SILENT);
  const source = context.createConstantSource();
  source.offset.value = 0;
  const sink = context.createMediaStreamDestination();
  sink.channelCount = 1;
  source.connect(sink);
  source.start();
  void context.resume();

  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 180];
  const pen = canvas.getContext("2d");
  let shade = 0;
  const draw = (): void => {
    if (!pen) return;
    // One shade off black and back: the eye sees none of it, the encoder sees a new frame.
    shade = 1 - shade;
    pen.fillStyle = `rgb(${shade}, ${shade}, ${shade})`;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);

  const [audio] = sink.stream.getAudioTracks();
  const [video] = canvas.captureStream(1_000 / REDRAW_MS).getVideoTracks();
  if (!audio || !video) throw new Error("no dummy tracks");
  return {
    audio,
    video,
    stop() {
      clearInterval(timer);
      audio.stop();
      video.stop();
      void context.close().catch(() => undefined);
    },
  };
}
