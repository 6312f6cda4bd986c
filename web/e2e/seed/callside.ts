/**
 * The calls of the seed: what the call worker and the peer connections would say, chosen by the scene (`call-NAME`). In
 * place of platform/calls/open.ts in `--mode seed`; never part of the product. Presses change it as the real one would.
 */
import type { CallAct, CallKind, CallPeer, CallTried, CallView } from "../../src/core/calls/view.ts";
import type { CallDevice, CallVideos, Calls } from "../../src/state/host.ts";
import { idOf, person } from "./world.ts";

const NOW_TALKING_MS = 754_000;
const ANNA = person("Анна Соколова").account;
const chat = (title: string): string => idOf(`chat ${title}`, 43);
const TRAVEL = ["Павел", "Ирина", "Тимур"].map((name) => person(name).account);

const peer = (account: string, leaf: number, more: Partial<CallPeer> = {}): CallPeer => ({
  leaf,
  account,
  mic: true,
  camera: false,
  quality: "good",
  up: true,
  paused: false,
  shut: false,
  ...more,
});
const up = (rung: CallTried["rung"], ms: number): CallTried => ({ rung, result: "up", ms });
const failed = (rung: CallTried["rung"], ms: number): CallTried => ({ rung, result: "failed", ms });

const GOOD = { word: "good", mos: 4.3, rtt_ms: 62, loss_pct: 0.4 } as const;

function ringing(direction: CallView["direction"], kind: CallKind, more: Partial<CallView> = {}): CallView {
  return {
    phase: "ringing",
    chat: chat("Анна Соколова"),
    call: idOf("call"),
    direction,
    kind,
    since: Date.now(),
    silent: false,
    peers: direction === "incoming" ? [peer(ANNA, 4, { up: false, quality: "unknown" })] : [],
    mic: true,
    camera: kind === "video",
    tried: [],
    encrypted: false,
    hidden_address: false,
    ...more,
  };
}

/** A call that goes on with Anna. */
function talking(kind: CallKind, more: Partial<CallView> = {}): CallView {
  return {
    ...ringing("outgoing", kind),
    phase: "active",
    since: Date.now() - NOW_TALKING_MS,
    peers: [peer(ANNA, 4, { camera: kind === "video" })],
    route: { rung: "direct" },
    quality: GOOD,
    tried: [up("direct", 310), { rung: "relay-udp", result: "closed", ms: 420 }],
    encrypted: true,
    ...more,
  };
}

const ended = (reason: NonNullable<CallView["ended"]>, more: Partial<CallView> = {}): CallView =>
  ringing("outgoing", "audio", { phase: "ended", ended: reason, ...more });

const group = (count: number, more: Partial<CallView> = {}): CallView =>
  talking("video", {
    chat: chat("Клуб путешественников"),
    peers: TRAVEL.slice(0, count).map((account, at) =>
      peer(account, 3 + at, {
        camera: at !== 1,
        mic: at !== 0,
        quality: at === 1 ? "poor" : "good",
        paused: at === 2,
      }),
    ),
    hidden_address: true,
    route: { rung: "relay-udp", host: "relay.home.example" },
    ...more,
  });

const ALL_FAILED = [
  failed("relay-udp", 9_800),
  failed("relay-tcp", 8_300),
  failed("relay-tls", 8_300),
  failed("server", 6_900),
];

/** What each scene is, once it was called or answered; those that ring do so by themselves. */
const SCENES: Readonly<Record<string, () => CallView>> = {
  "call-incoming": () => ringing("incoming", "audio"),
  "call-incoming-video": () => ringing("incoming", "video"),
  "call-incoming-group": () =>
    ringing("incoming", "video", {
      chat: chat("Клуб путешественников"),
      peers: [peer(TRAVEL[1] ?? "", 3, { up: false, quality: "unknown" })],
    }),
  "call-silent": () => ringing("incoming", "audio", { chat: chat("Saturday market"), silent: true, peers: [] }),
  "call-offered": () =>
    talking("video", { phase: "recovering", route: { rung: "relay-udp" }, encrypted: false, peers: [] }),
  "call-outgoing": () => ringing("outgoing", "audio"),
  "call-outgoing-video": () => ringing("outgoing", "video"),
  "call-connecting": () =>
    ringing("outgoing", "audio", {
      phase: "connecting",
      why: "udp-blocked",
      tried: [failed("direct", 1_500), failed("relay-udp", 1_500), { rung: "relay-tcp", result: "trying", ms: 900 }],
      peers: [peer(ANNA, 4, { up: false, quality: "unknown" })],
    }),
  "call-active": () => talking("audio"),
  "call-checking": () => talking("audio", { encrypted: false }),
  "call-video": () => talking("video"),
  "call-mini-note": () => talking("video"),
  "call-poor": () =>
    talking("video", {
      camera: false,
      mic: false,
      peers: [peer(ANNA, 4, { mic: false, quality: "poor" })],
      route: { rung: "server", host: "home.example" },
      quality: { word: "poor", mos: 2.7, rtt_ms: 640, loss_pct: 7.25 },
      hidden_address: true,
      why: "all-relays-blocked",
      tried: [failed("relay-udp", 3_000), failed("relay-tcp", 4_100), failed("relay-tls", 4_400), up("server", 2_650)],
    }),
  "call-paused": () =>
    talking("video", {
      peers: [peer(ANNA, 4, { camera: true, paused: true })],
      why: "video-paused",
      route: { rung: "relay-tls", host: "relay.home.example" },
      quality: { word: "fair", mos: 3.4, rtt_ms: 280, loss_pct: 3 },
    }),
  "call-recovering": () => talking("audio", { phase: "recovering", why: "network-changed", encrypted: false }),
  "call-group": () => group(3),
  "call-group-shut": () => {
    const view = group(3);
    const [one, ...others] = view.peers;
    return { ...view, peers: one ? [{ ...one, mic: true, up: false, shut: true }, ...others] : others };
  },
  "call-group-three": () => group(2),
  "call-group-two": () => group(1, { camera: false }),
  "call-declined": () => ended("declined"),
  "call-no-answer": () => ended("no-answer"),
  "call-failed": () => ended("failed", { why: "no-route", hidden_address: true, tried: ALL_FAILED }),
  "call-lost": () => ({ ...talking("audio"), phase: "ended", ended: "lost", why: "peer-silent" }),
  "call-remote": () => ({ ...talking("audio"), phase: "ended", ended: "remote" }),
  "call-not-encrypted": () => ({ ...talking("audio"), phase: "ended", ended: "not-encrypted", why: "not-encrypted" }),
  "call-elsewhere": () => ended("elsewhere", { direction: "incoming" }),
  "call-denied": () => ended("failed", { why: "permission-denied" }),
};
/** Scenes whose calls cannot even begin. */
const REFUSED: Readonly<Record<string, string>> = { "call-no-device": "no-device", "call-unsupported": "unsupported" };

/** Scenes in which a call is there without a press. */
export const RINGS: readonly string[] = Object.keys(SCENES).filter((name) =>
  ["call-incoming", "call-silent", "call-offered"].some((start) => name.startsWith(start)),
);

const DEVICES: readonly CallDevice[] = [
  { id: "m1", kind: "microphone", label: "Default microphone", chosen: true },
  { id: "m2", kind: "microphone", label: "سمّاعة Bluetooth", chosen: false },
  { id: "c1", kind: "camera", label: "FaceTime HD (04f2:b6be)", chosen: true },
  { id: "c2", kind: "camera", label: "", chosen: false },
];

/** Somebody before a wall, drawn again and again, as a picture that nobody draws yields no frames. */
function picture(hue: number): MediaStream {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 480];
  const draw = canvas.getContext("2d");
  const paint = (): void => {
    if (!draw) return;
    draw.fillStyle = `hsl(${String(hue)} 25% 62%)`;
    draw.fillRect(0, 0, 640, 480);
    draw.fillStyle = `hsl(${String(hue)} 30% 32%)`;
    draw.beginPath();
    draw.arc(320, 200, 90, 0, 7);
    draw.ellipse(320, 480, 190, 170, 0, 0, 7);
    draw.fill();
  };
  paint();
  setInterval(paint, 100);
  return canvas.captureStream(10);
}

class SeedCalls implements Calls {
  readonly #scene: string;
  #view: CallView;
  #devices = DEVICES;
  readonly #pictures = new Map<number, MediaStream>();
  #own: MediaStream | undefined;
  readonly #viewers = new Set<(view: CallView) => void>();

  constructor(scene: string) {
    this.#scene = scene;
    this.#view = RINGS.includes(scene) ? this.#target() : { ...ringing("outgoing", "audio"), phase: "idle" };
  }

  #target(): CallView {
    return (SCENES[this.#scene] ?? (() => talking("audio")))();
  }

  #show(view: CallView): void {
    this.#view = view;
    for (const viewer of this.#viewers) viewer(view);
  }

  async act(act: CallAct): Promise<void> {
    await Promise.resolve();
    const refused = REFUSED[this.#scene];
    const view = this.#view;
    switch (act.act) {
      case "start":
        if (refused !== undefined) throw Object.assign(new Error(refused), { code: refused });
        if (this.#scene !== "call-starting") this.#show(this.#target());
        return;
      case "answer":
        return this.#show(talking(act.kind, { chat: view.chat, direction: "incoming" }));
      case "return":
        return this.#show(talking("video"));
      case "decline":
        return this.#show({ ...view, phase: "ended", ended: "declined" });
      case "hang_up":
        return this.#show({ ...view, phase: "ended", ended: view.phase === "ringing" ? "cancelled" : "hangup" });
      case "mute":
        return this.#show({ ...view, mic: !act.on });
      case "camera": {
        const { why: _why, ...rest } = view;
        return this.#show({ ...rest, camera: act.on });
      }
    }
  }

  onView(listener: (view: CallView) => void): () => void {
    this.#viewers.add(listener);
    listener(this.#view);
    return () => this.#viewers.delete(listener);
  }

  videos(): CallVideos {
    for (const leaf of [3, 4, 5]) this.#pictures.set(leaf, this.#pictures.get(leaf) ?? picture(leaf * 70));
    return { peers: this.#pictures, own: (this.#own ??= picture(30)) };
  }

  onVideos(): () => void {
    return () => undefined;
  }

  devices(): Promise<readonly CallDevice[]> {
    return Promise.resolve(
      this.#scene === "call-active" ? this.#devices.filter(({ kind }) => kind !== "camera") : this.#devices,
    );
  }

  choose(device: CallDevice): Promise<void> {
    this.#devices = this.#devices.map((one) =>
      one.kind === device.kind ? { ...one, chosen: one.id === device.id } : one,
    );
    return Promise.resolve();
  }

  close(): void {
    this.#viewers.clear();
  }
}

/** No worker runs in the seed. */
export const callWorkerUrl = "";

export const callsOf = () => (): Promise<Calls> =>
  Promise.resolve(new SeedCalls(new URLSearchParams(location.search).get("scene") ?? ""));
