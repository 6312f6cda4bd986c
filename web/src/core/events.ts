/** From what a step told to what tabs hear: events of api.ts, each once per step and chat. */
import { TYPING_SHOWN_MS } from "../protocol/chat/forms.ts";
import type { CoreEvent, Notice } from "./api.ts";
import * as rows from "./state/rows.ts";
import type { Id } from "./state/rows.ts";
import type { EventCode, Look, Told } from "./state/step.ts";
import { chatLine, messageView, personOf } from "./verbs/views.ts";

const LINES: readonly EventCode[] = ["message", "state", "edited", "deleted", "expired", "reacted"];
const LISTS: readonly EventCode[] = ["profile", "key-changed"];
const DEVICES: readonly EventCode[] = ["device-linked", "device-list"];
const PROBLEMS: readonly EventCode[] = [
  "old-copy",
  "forked-list",
  "refused-change",
  "bad-message",
  "bad-welcome",
  "gap",
  "report-acted",
  "report-not-acted",
  "account-warned",
  "account-suspended",
  "measure-undone",
];

/** The events of one durable step, in an order that never names a chat before the list knows it. */
export async function eventsOf(look: Look, told: readonly Told[]): Promise<CoreEvent[]> {
  const has = (codes: readonly EventCode[]) => told.some(({ code }) => codes.includes(code));
  const events: CoreEvent[] = [];
  const places = await placesOf(look, told);
  if (told.some(({ gid, code }) => gid !== "" && code !== "typing") || has(LISTS)) events.push({ event: "chats" });
  for (const place of new Set(told.filter(({ code }) => code !== "typing").map(({ gid }) => places.get(gid)))) {
    if (place !== undefined) events.push({ event: "chat", chat: place });
  }
  events.push(...linesOf(told, places));
  if (has(LISTS)) events.push({ event: "contacts" });
  if (has(["privacy"])) events.push({ event: "settings" });
  if (has(DEVICES)) events.push({ event: "devices" });
  for (const one of told) {
    events.push(...(await single(look, one, places.get(one.gid))));
  }
  return events;
}

async function placesOf(look: Look, told: readonly Told[]): Promise<Map<Id, Id>> {
  const places = new Map<Id, Id>();
  for (const { gid } of told) {
    if (gid === "" || places.has(gid)) continue;
    const chat = await rows.findChat(look.tx, gid);
    if (chat !== undefined) places.set(gid, chat.merged || gid);
  }
  return places;
}

function linesOf(told: readonly Told[], places: ReadonlyMap<Id, Id>): CoreEvent[] {
  const ids = new Map<Id, Set<Id>>();
  for (const { code, gid, messageId } of told) {
    const place = places.get(gid);
    if (!LINES.includes(code) || place === undefined || messageId === "") continue;
    ids.set(place, (ids.get(place) ?? new Set()).add(messageId));
  }
  return [...ids].map(([chat, lines]) => ({ event: "messages", chat, ids: [...lines] }));
}

async function single(look: Look, told: Told, place: Id | undefined): Promise<CoreEvent[]> {
  if (told.code === "typing" && place !== undefined) {
    const person = await personOf(look, told.account);
    return [{ event: "typing", chat: place, person, until: look.now + TYPING_SHOWN_MS }];
  }
  if (told.code === "message" && place !== undefined) return incoming(look, told.messageId, place);
  if (PROBLEMS.includes(told.code)) return [{ event: "notice", notice: { code: told.code as Notice["code"] } }];
  return [];
}

async function incoming(look: Look, id: Id, place: Id): Promise<CoreEvent[]> {
  const found = await rows.findMessage(look.tx, id);
  if (found === undefined || found[1].state !== "received" || found[1].notice !== null) return [];
  const view = await messageView(look, ...found);
  const { title, muted } = await chatLine(look, await rows.loadChat(look.tx, place), false);
  const { sender, text = "", files } = view;
  const mentioned = view.mentions.some(({ self }) => self);
  return [{ event: "incoming", chat: place, id, title, sender, text, files, muted, mentioned }];
}
