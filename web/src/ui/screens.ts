/** The screens beyond the chat list, each a chunk of its own. Their props are ids from the fragment. */
import type { Component } from "svelte";
import { type Part, useWords } from "../i18n/catalogue.ts";

export type ScreenName =
  | "Start"
  | "Lock"
  | "Chat"
  | "CallLayer"
  | "OpenedInvite"
  | "OpenedGroup"
  | "NewChat"
  | "Invite"
  | "Scan"
  | "Contact"
  | "NewGroup"
  | "ChatInfo"
  | "Requests"
  | "Settings"
  | "LinkPage"
  | "RouteSheet"
  | "RowMenu"
  | "Bridges"
  | "ShareBridges"
  | "ServerView"
  | "ChannelList"
  | "Channel"
  | "ChannelInfo"
  | "Post"
  | "NewChannel"
  | "Personas"
  | "Redress"
  | "Notice";

type Screen = Component<Record<string, unknown>>;

/** A screen takes the props that Panes.svelte has for it; the ids in them are strings. */
function screen(module: { default: unknown }): Screen {
  return module.default as Screen;
}

const loaders: Readonly<Record<ScreenName, () => Promise<Screen>>> = {
  Start: async () => screen(await import("./start/Start.svelte")),
  Lock: async () => screen(await import("./lock/LockScreen.svelte")),
  Chat: async () => screen(await import("./chat/Chat.svelte")),
  CallLayer: async () => screen(await import("./call/CallLayer.svelte")),
  OpenedInvite: async () => screen(await import("./start/OpenedInvite.svelte")),
  OpenedGroup: async () => screen({ default: (await import("./join/JoinScreens.ts")).OpenedGroup }),
  NewChat: async () => screen(await import("./people/NewChat.svelte")),
  Invite: async () => screen(await import("./people/Invite.svelte")),
  Scan: async () => screen(await import("./people/Scan.svelte")),
  Contact: async () => screen(await import("./people/Contact.svelte")),
  NewGroup: async () => screen(await import("./groups/NewGroup.svelte")),
  ChatInfo: async () => screen(await import("./groups/ChatInfo.svelte")),
  Requests: async () => screen(await import("./strangers/Requests.svelte")),
  Settings: async () => screen(await import("./settings/Settings.svelte")),
  LinkPage: async () => screen(await import("./linking/LinkPage.svelte")),
  RouteSheet: async () => screen(await import("./routes/RouteSheet.svelte")),
  RowMenu: async () => screen(await import("./list/arrange/RowMenu.svelte")),
  Bridges: async () => screen(await import("./routes/Bridges.svelte")),
  ShareBridges: async () => screen(await import("./routes/ShareBridges.svelte")),
  ServerView: async () => screen(await import("./inside/ServerView.svelte")),
  ChannelList: async () => screen(await import("./channels/ChannelList.svelte")),
  Channel: async () => screen(await import("./channels/Channel.svelte")),
  ChannelInfo: async () => screen(await import("./channels/ChannelInfo.svelte")),
  Post: async () => screen(await import("./channels/Post.svelte")),
  NewChannel: async () => screen(await import("./channels/NewChannel.svelte")),
  Personas: async () => screen(await import("./channels/Personas.svelte")),
  Redress: async () => screen(await import("./channels/Redress.svelte")),
  Notice: async () => screen(await import("./channels/Notice.svelte")),
};

/** What a screen says besides what comes with the chat list. */
const MOST: readonly Part[] = ["chat", "later", "errors"];
const PUBLIC = /^(Channel|ChannelInfo|ChannelList|NewChannel|Notice|Personas|Post|Redress)$/;
/** These say less, or something else. */
const FIRST: Partial<Readonly<Record<ScreenName, readonly Part[]>>> = {
  Start: ["start", "errors"],
  Lock: ["lock", "errors"],
  Chat: ["chat", "errors"],
  OpenedInvite: ["start", "chat", "errors"],
  OpenedGroup: ["chat", "later", "joins", "errors"],
  CallLayer: ["chat", "call", "errors"],
};

function wordsOf(name: ScreenName): Promise<void> {
  return useWords(...(FIRST[name] ?? MOST), ...(PUBLIC.test(name) ? (["public"] as const) : []));
}

const loading = new Map<ScreenName, Promise<Screen>>();

/** A screen's component; the same promise each time, so that a screen stays when only its neighbours change. */
export function loadScreen(name: ScreenName): Promise<Screen> {
  const known = loading.get(name);
  if (known) return known;
  const coming = Promise.all([loaders[name](), wordsOf(name)]).then(([found]) => found);
  loading.set(name, coming);
  // What did not come is asked for again the next time.
  coming.catch(() => loading.delete(name));
  return coming;
}
