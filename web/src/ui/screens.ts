/** The screens beyond the chat list, each a chunk of its own. Their props are ids from the fragment. */
import type { Component } from "svelte";

export type ScreenName =
  | "Chat"
  | "OpenedInvite"
  | "NewChat"
  | "Invite"
  | "Scan"
  | "Contact"
  | "NewGroup"
  | "ChatInfo"
  | "LinkThis"
  | "Settings"
  | "LinkPage"
  | "ServerView";

type Screen = Component<Record<string, unknown>>;
const found = import.meta.glob<{ default: Screen }>("./{people,groups,settings,linking,inside}/*.svelte");

async function load(path: string): Promise<Screen> {
  const module = await found[path]?.();
  if (!module) throw new Error(`no screen ${path}`);
  return module.default;
}

export const screens: Readonly<Record<ScreenName, () => Promise<Screen>>> = {
  Chat: async () => (await import("./chat/Chat.svelte")).default as unknown as Screen,
  OpenedInvite: async () => (await import("./start/OpenedInvite.svelte")).default as unknown as Screen,
  NewChat: () => load("./people/NewChat.svelte"),
  Invite: () => load("./people/Invite.svelte"),
  Scan: () => load("./people/Scan.svelte"),
  Contact: () => load("./people/Contact.svelte"),
  NewGroup: () => load("./groups/NewGroup.svelte"),
  ChatInfo: () => load("./groups/ChatInfo.svelte"),
  Settings: () => load("./settings/Settings.svelte"),
  LinkThis: () => load("./linking/LinkThis.svelte"),
  LinkPage: () => load("./linking/LinkPage.svelte"),
  ServerView: () => load("./inside/ServerView.svelte"),
};
