/** One sound that is played from memory. It goes on whatever the page shows. */

export interface Sound {
  readonly playing: boolean;
  readonly ended: boolean;
  /** It cannot be played here. */
  readonly broken: boolean;
  readonly at_ms: number;
  /** Undefined until it is known. */
  readonly duration_ms: number | undefined;
  play(): void;
  pause(): void;
  seek(ms: number): void;
  setRate(rate: number): void;
  close(): void;
}

/** Recorders write no length; browsers find it when they are sent beyond any end. */
const BEYOND_S = 1e7;

export function openSound(blob: Blob, told: () => void): Sound {
  const url = URL.createObjectURL(blob);
  const audio = new Audio();
  let measuring = false;
  let wanted_s = 0;
  let broken = false;
  audio.preload = "auto";
  audio.addEventListener("loadedmetadata", () => {
    if (Number.isFinite(audio.duration)) return;
    measuring = true;
    audio.currentTime = BEYOND_S;
  });
  audio.addEventListener("durationchange", () => {
    if (!measuring || !Number.isFinite(audio.duration)) return;
    measuring = false;
    audio.currentTime = Math.min(wanted_s, audio.duration);
    if (wants) void audio.play().catch(fail);
    told();
  });
  let wants = false;
  const fail = (): void => {
    broken = true;
    wants = false;
    told();
  };
  audio.addEventListener("error", fail);
  for (const kind of ["play", "pause", "timeupdate", "ended", "seeked"])
    audio.addEventListener(kind, () => {
      if (!measuring) told();
    });
  audio.src = url;
  return {
    get playing() {
      return wants && !audio.ended;
    },
    get ended() {
      return !measuring && audio.ended;
    },
    get broken() {
      return broken;
    },
    get at_ms() {
      return Math.round((measuring ? wanted_s : audio.currentTime) * 1000);
    },
    get duration_ms() {
      return Number.isFinite(audio.duration) && audio.duration > 0 ? Math.round(audio.duration * 1000) : undefined;
    },
    play() {
      wants = true;
      if (audio.ended && !measuring) audio.currentTime = 0;
      if (!measuring && audio.readyState > 0) void audio.play().catch(fail);
      else if (!measuring)
        audio.addEventListener(
          "loadedmetadata",
          () => {
            if (wants && !measuring) void audio.play().catch(fail);
          },
          { once: true },
        );
      told();
    },
    pause() {
      wants = false;
      audio.pause();
      told();
    },
    seek(ms) {
      wanted_s = ms / 1000;
      if (!measuring) audio.currentTime = wanted_s;
      told();
    },
    setRate(rate) {
      audio.defaultPlaybackRate = rate;
      audio.playbackRate = rate;
    },
    close() {
      wants = false;
      audio.pause();
      audio.removeAttribute("src");
      audio.load();
      URL.revokeObjectURL(url);
    },
  };
}
