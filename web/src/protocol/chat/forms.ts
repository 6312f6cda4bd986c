/**
 * What a message body means: the forms of MIMI content that this version speaks, and how each is written.
 *
 * | Form | replaces | inReplyTo | body |
 * |---|---|---|---|
 * | Text | - | quoted message or - | Markdown, render |
 * | Edit | the message as first sent | quoted message or - | Markdown, render |
 * | Deletion | the message as first sent | - | NullPart, render; extension -4 true: as an admin |
 * | Reaction | - | the message | `text/plain;charset=utf-8`, one emoji, reaction |
 * | TakeBack | the reaction | the message | NullPart, reaction |
 * | Receipts, Control | - | - | see `receipts`, `parts` |
 * | CallLog | - | - | `application/vnd.zajil.call-log`, CBOR map, render |
 *
 * Source: draft-ietf-mimi-content-08, 5 (examples reply, reaction, edit, delete, unlike); service.md 7.
 */
import { encodeText, parseText } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import type { Key, Value } from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { MessageId } from "../ids.ts";
import * as content from "./content.ts";
import type { MimiContent, NullPart, SinglePart } from "./content.ts";
import { checkEmoji } from "./emoji.ts";
import * as parts from "./parts.ts";
import * as receipts from "./receipts.ts";

/** Key of extensions: true where somebody deletes another's message by the right of an admin. */
export const AS_ADMIN = -4;
export const PLAIN = "text/plain;charset=utf-8";
export const CALL_LOG = "application/vnd.zajil.call-log";
export const CALL_KINDS = ["audio", "video"] as const;
export const CALL_OUTCOMES = ["answered", "missed", "declined", "busy", "failed"] as const;
/** A text can be edited for 24 hours, by the clock of its sender. */
export const EDIT_MS = 86_400_000;
/** `typing` is told at most this often. */
export const TYPING_MS = 4_000;
/** How long one `typing` is shown. */
export const TYPING_SHOWN_MS = 6_000;

/** A new text. reply_to: the message it answers, or null. */
export interface Text {
  readonly form: "text";
  readonly text: string;
  readonly reply_to: MessageId | null;
}
/** Another text for a message of the same account. target: its id as first sent. */
export interface Edit {
  readonly form: "edit";
  readonly target: MessageId;
  readonly text: string;
  readonly reply_to: MessageId | null;
}
/** A message is gone for all. as_admin: not by its author, but by the right of an admin. */
export interface Deletion {
  readonly form: "deletion";
  readonly target: MessageId;
  readonly as_admin: boolean;
}
/** One emoji; an account has at most one on a message, and the latest counts. */
export interface Reaction {
  readonly form: "reaction";
  readonly target: MessageId;
  readonly emoji: string;
}
/** The own reaction on a message is gone. reaction: its message id. */
export interface TakeBack {
  readonly form: "take-back";
  readonly target: MessageId;
  readonly reaction: MessageId;
}
/** What came in or was read at the sender. */
export interface Receipts {
  readonly form: "receipts";
  readonly receipts: readonly receipts.Receipt[];
}
/** What became of a call, told once by its caller (calls.md 4). call: 16 bytes. seconds: 0 unless answered; u32. */
export interface CallLog {
  readonly form: "call-log";
  readonly call: Uint8Array;
  readonly kind: (typeof CALL_KINDS)[number];
  readonly outcome: (typeof CALL_OUTCOMES)[number];
  readonly seconds: number;
}
/** Something between clients. */
export interface Control {
  readonly form: "control";
  readonly part: parts.ControlPart | parts.UnknownPart;
}
/** A body of a later version. shown: people should see that there is one. */
export interface Unsupported {
  readonly form: "unsupported";
  readonly shown: boolean;
}
export type Form = Text | Edit | Deletion | Reaction | TakeBack | Receipts | CallLog | Control | Unsupported;
/** Forms that change another message. */
export type Action = Edit | Deletion | Reaction | TakeBack;
/** Forms that are queued to be sent. */
export type Submitted = Text | Action | Receipts | CallLog;

/** What `encodeForm` needs beside the form. */
export interface Blank {
  readonly salt: Uint8Array;
  readonly extensions: ReadonlyMap<Key, Value>;
}

/**
 * The content of a form.
 *
 * Throws HomeError `text-too-long`, Malformed for text that is no UTF-8 or not one emoji.
 */
export function encodeForm(form: Submitted, blank: Blank): MimiContent {
  const { salt, extensions } = blank;
  const empty = { ...content.CONTENT_DEFAULTS, salt, extensions };
  switch (form.form) {
    case "text":
    case "edit": {
      const made = content.textContent(form.text, salt, extensions);
      return { ...made, replaces: form.form === "edit" ? form.target : null, in_reply_to: form.reply_to };
    }
    case "deletion": {
      const marked = form.as_admin ? new Map([...extensions, [AS_ADMIN, true] as const]) : extensions;
      return { ...empty, extensions: marked, body: nullPart(content.RENDER), replaces: form.target };
    }
    case "reaction": {
      const body = single(PLAIN, encodeText(checkEmoji(form.emoji)), content.REACTION);
      return { ...empty, body, in_reply_to: form.target };
    }
    case "take-back":
      return { ...empty, body: nullPart(content.REACTION), replaces: form.reaction, in_reply_to: form.target };
    case "receipts":
      return { ...empty, body: receipts.encodeReceipts(form.receipts) };
    case "call-log": {
      const { call: c, kind, outcome, seconds } = form;
      const fields = new Map<Key, Value>(Object.entries({ c, kind, outcome, seconds }));
      return { ...empty, body: single(CALL_LOG, cbor.encode(fields), content.RENDER) };
    }
  }
}

const single = (content_type: string, data: Uint8Array, disposition: number): SinglePart => ({
  type: "SinglePart",
  disposition,
  language: "",
  content_type,
  content: data,
});
const nullPart = (disposition: number): NullPart => ({ type: "NullPart", disposition, language: "" });

/** What a body means. Throws Malformed for a known form that is broken. */
export function parseForm(body: MimiContent): Form {
  const part = body.body;
  if (part.type === "NullPart") return parseNull(body, part);
  if (part.type === "SinglePart") {
    if (part.content_type === parts.CONTROL_TYPE) return { form: "control", part: parts.parsePart(part) };
    if (part.content_type === receipts.STATUS_TYPE) return { form: "receipts", receipts: receipts.parseReceipts(part) };
    if (part.content_type === CALL_LOG && body.replaces === null) return parseCallLog(part.content);
    if (part.disposition === content.REACTION) return parseReaction(body, part);
    const text = content.findText(body);
    if (text !== undefined && body.replaces)
      return { form: "edit", target: body.replaces, text, reply_to: body.in_reply_to };
    if (text !== undefined) return { form: "text", text, reply_to: body.in_reply_to };
  }
  const shown = ([content.RENDER, content.INLINE, content.ATTACHMENT] as readonly number[]).includes(part.disposition);
  return { form: "unsupported", shown: shown && body.replaces === null };
}

function parseNull(body: MimiContent, part: NullPart): Form {
  if (body.replaces === null) return { form: "unsupported", shown: false };
  if (part.disposition !== content.REACTION) {
    return { form: "deletion", target: body.replaces, as_admin: body.extensions.get(AS_ADMIN) === true };
  }
  if (body.in_reply_to === null) throw error("malformed", "reaction of no message");
  return { form: "take-back", target: body.in_reply_to, reaction: body.replaces };
}

function parseCallLog(data: Uint8Array): CallLog | Unsupported {
  const fields = Fields.ofOpenMap(cbor.parse(data));
  const [kindWord, outcomeWord] = [fields.text("kind", 16), fields.text("outcome", 16)];
  const [call, seconds] = [fields.blob("c", 16), fields.number("seconds", 32)];
  const kind = CALL_KINDS.find((word) => word === kindWord);
  const outcome = CALL_OUTCOMES.find((word) => word === outcomeWord);
  if (kind === undefined || outcome === undefined) return { form: "unsupported", shown: true };
  return { form: "call-log", call, kind, outcome, seconds };
}

function parseReaction(body: MimiContent, part: SinglePart): Form {
  if (part.content_type !== PLAIN) return { form: "unsupported", shown: false };
  if (body.in_reply_to === null) throw error("malformed", "reaction to no message");
  return { form: "reaction", target: body.in_reply_to, emoji: checkEmoji(parseText(part.content)) };
}
