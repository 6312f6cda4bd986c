/** What the page needs of the browser it lives in. `dom/` is the real one; state asks for it, ui never sees it. */
import type { FileTools } from "./files/filetools.ts";
import type * as Passkeys from "./passkeys/passkeys.ts";

export interface LocalNotification {
  readonly title: string;
  readonly body: string;
  /** A later one with the same tag takes its place. */
  readonly tag: string;
  readonly press: () => void;
}

/** What the tabs of one browser say to each other about a call; kept nowhere. null: there is none. */
export type TabWord =
  | { readonly word: "call"; readonly call: TabCall | null }
  | { readonly word: "what" }
  | { readonly word: "end"; readonly call: string };

/** The call of the tab that leads, as the others show it. */
export interface TabCall {
  readonly chat: string;
  readonly call: string;
  readonly kind: "audio" | "video";
  /** Of somebody else, and not answered yet. */
  readonly rings: boolean;
}

/** The other tabs of this browser. */
export interface Tabs {
  say(word: TabWord): void;
  close(): void;
}

export interface Browser {
  /** WebCrypto and workers exist only in secure contexts. */
  readonly secure: boolean;
  /** Not secret: theme, language, digits, text size. Undefined where nothing is kept. */
  readPreference(name: string): string | undefined;
  writePreference(name: string, value: string): void;
  /** Another tab wrote a preference. */
  onPreference(listener: () => void): () => void;

  /** False where the browser refused. */
  copy(text: string): Promise<boolean>;
  /** Undefined where reading is not possible or was refused. */
  paste(): Promise<string | undefined>;
  readonly canShare: boolean;
  /** False where the person changed their mind. */
  share(content: { title: string; text: string; url?: string }): Promise<boolean>;
  /** Hands a text over as a file. */
  saveText(name: string, text: string): void;
  /** The address of this page's folder: where the server is, for people. */
  address(): string;
  print(): void;
  /** Pictures, sound, video and downloads; loaded when first asked for. */
  openFiles(): Promise<FileTools>;

  visible(): boolean;
  onVisibility(listener: (visible: boolean) => void): () => void;
  /** A key, a press, a touch, a wheel: somebody is there. Often. */
  onActivity(listener: () => void): () => void;

  notificationPermission(): "granted" | "denied" | "default" | "absent";
  askNotifications(): Promise<boolean>;
  notify(notification: LocalNotification): void;
  /** The one with this tag is shown no more. */
  withdraw(tag: string): void;
  /** Sounds until the answer is called. Where the page was never touched, browsers keep it silent. */
  ring(kind: "incoming" | "outgoing"): () => void;
  /** Hear what other tabs say from now on. */
  openTabs(hear: (word: TabWord) => void): Tabs;

  /** A newer client waits for a press. */
  onUpdate(listener: () => void): () => void;
  /** Let the newer client take over, and reload. */
  update(): void;
  reload(): void;
  /** Ask the browser not to erase what we hold; a worker cannot. False where it refused. */
  persist(): Promise<boolean>;

  /** Passkeys that open the app lock; loaded when first asked for. */
  openPasskeys(): Promise<Pick<typeof Passkeys, "findPlace" | "makePasskey" | "askPasskey">>;

  readonly hasCamera: boolean;
  /** Shows the camera in `video` and looks for a QR code until one is found or `stop` is called. */
  scan(video: HTMLVideoElement): Scan;
}

export interface Scan {
  /** The code's text; rejects with code `camera-refused`, `camera-absent` or `stopped` as its message. */
  readonly text: Promise<string>;
  stop(): void;
}
