/**
 * Reports from private chats: what a member sends in, and what moderators read of it. Twin of zajil.protocol.report,
 * whose checks are the server's alone; vectors/report.json holds both together.
 */
import type { MimiContent } from "./chat/content.ts";
import * as content from "./chat/content.ts";
import { parseForm } from "./chat/forms.ts";
import { parseMentions } from "./chat/mentions.ts";
import type { Json } from "./control.ts";
import { error } from "./errors.ts";

/** Most messages of one report. */
export const ITEMS_MAX = 6;
export const NOTE_CHARACTERS = 1000;
/** 2100, as receivers judge. */
const SENT_MAX_MS = 4_102_444_800_000;

/** One message as its receiver kept it. frank: empty where the server gave none. */
export interface ReportItem {
  readonly content: Uint8Array;
  readonly sig: Uint8Array;
  readonly epoch: number;
  readonly gid: Uint8Array;
  readonly ts: number;
  readonly frank: Uint8Array;
  readonly cert: Uint8Array;
}

/** A report. complaint: nothing is checked, and nothing is proven. */
export interface Report {
  readonly reason: string;
  readonly note: string;
  readonly complaint: boolean;
  readonly items: readonly ReportItem[];
}

/** The body of POST /reports. */
export function encodeReport({ reason, note, complaint, items }: Report): Json {
  const sent = items.map(({ content: data, sig, epoch, gid, ts, frank, cert }) => {
    return { content: data, sig, epoch, gid, ts, frank: frank.length > 0 ? frank : null, cert };
  });
  return { reason, items: sent, note, complaint };
}

/** What moderators read of one message. sent: Unix ms by its sender's clock. */
export interface ReportedMessage {
  readonly form: "text" | "edit" | "other";
  readonly text: string;
  readonly sent: number;
}

/** Mentions become the names written in them; whose accounts they lead to is left out. Throws Malformed. */
export function readMessage(body: MimiContent, serverName: string): ReportedMessage {
  const sent = body.extensions.get(content.SENT_MS);
  if (typeof sent !== "number" || !Number.isSafeInteger(sent) || sent < 0 || sent > SENT_MAX_MS) {
    throw error("malformed", "time");
  }
  const form = parseForm(body);
  if (form.form === "text" || form.form === "edit") {
    return { form: form.form, text: parseMentions(form.text, serverName).text, sent };
  }
  if (form.form === "unsupported" && form.shown) return { form: "other", text: "", sent };
  throw error("malformed", "nothing that people see");
}
