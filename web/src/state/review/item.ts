/**
 * What /mod/v1 answers about one item, a cluster or an appeal: the shapes of zajil.protocol.review.api, as `shapes.ts`.
 */
import { fieldsOf, listOf, number, optional, text } from "../public/shapes.ts";
import { CLAIMS, type Claim, type ItemBrief, listOr, numberOr, oneOr, oneText, readBrief, textOr } from "./shapes.ts";

export interface Subject {
  readonly version: number;
  readonly newest: number;
  readonly state: string;
  readonly text: string;
  readonly lang: string;
  readonly at: number;
  readonly normalised: string;
  readonly views: readonly string[];
}

export interface Person {
  readonly persona_id: string;
  readonly handle: string;
  readonly display_name: string;
  readonly created_at: number;
  readonly trust: number;
  readonly accepted: number;
  readonly points: number;
  readonly limited_until?: number;
  readonly suspended_until?: number;
}

export interface Place {
  readonly channel_id: string;
  readonly handle: string;
  readonly title: string;
  readonly about: string;
  readonly kind: string;
  readonly state: string;
  readonly subscribers: number;
}

export interface ContextPost {
  readonly post_id: string;
  readonly author: string;
  readonly state: string;
  readonly text: string;
  readonly at: number;
}

export interface Version {
  readonly version: number;
  readonly text: string;
  readonly at: number;
}

export interface Evidence {
  readonly name: string;
  readonly value: string;
  readonly category: string;
  readonly detail: string;
  readonly phrases: readonly string[];
}

/** Of the normalised text, in code points. */
export interface Highlight {
  readonly start: number;
  readonly end: number;
}

export interface PastDecision {
  readonly decision_id: string;
  readonly action: string;
  readonly category: string;
  readonly because: string;
  readonly human: boolean;
  readonly at: number;
  readonly note: string;
  readonly text: string;
  readonly in_force: boolean;
}

export interface Complaint {
  readonly category: string;
  readonly note: string;
  readonly counts: boolean;
  readonly at: number;
}

/** What a category means, by language. */
export interface PolicyText {
  readonly category: string;
  readonly definition: Readonly<Record<string, string>>;
  readonly strike: number;
}

export interface Item {
  readonly brief: ItemBrief;
  readonly subject?: Subject;
  readonly author?: Person;
  readonly channel?: Place;
  readonly before: readonly ContextPost[];
  readonly after: readonly ContextPost[];
  readonly versions: readonly Version[];
  readonly evidence: readonly Evidence[];
  readonly highlights: readonly Highlight[];
  readonly policy: readonly PolicyText[];
  readonly similar: readonly PastDecision[];
  readonly history: readonly PastDecision[];
  readonly about: readonly PastDecision[];
  readonly complaints: readonly Complaint[];
}

export interface Cluster {
  readonly cluster_id: string;
  readonly campaign: boolean;
  readonly copies: number;
  readonly personas: number;
  readonly channels: number;
  readonly preview_hash: string;
  readonly allowed: number;
  readonly others: number;
  readonly examples: readonly ContextPost[];
  readonly category: string;
}

export interface AppealBrief {
  readonly appeal_id: string;
  readonly state: string;
  readonly action: string;
  readonly category: string;
  readonly lang: string;
  readonly at: number;
  readonly due_at: number;
  readonly claim: Claim;
}

export interface Appeal {
  readonly brief: AppealBrief;
  readonly text: string;
  readonly decision: PastDecision;
  readonly item: Item;
}

function readSubject(value: unknown): Subject {
  const of = fieldsOf(value);
  return {
    version: number(of, "version"),
    newest: number(of, "newest"),
    state: text(of, "state"),
    text: text(of, "text"),
    lang: textOr(of, "lang"),
    at: number(of, "at"),
    normalised: textOr(of, "normalised"),
    views: listOr(of, "views", oneText),
  };
}

function readPerson(value: unknown): Person {
  const of = fieldsOf(value);
  return {
    persona_id: text(of, "persona_id"),
    handle: text(of, "handle"),
    display_name: text(of, "display_name"),
    created_at: number(of, "created_at"),
    trust: number(of, "trust"),
    accepted: number(of, "accepted"),
    points: numberOr(of, "points"),
    ...optional(of, "limited_until", number),
    ...optional(of, "suspended_until", number),
  };
}

function readPlace(value: unknown): Place {
  const of = fieldsOf(value);
  return {
    channel_id: text(of, "channel_id"),
    handle: text(of, "handle"),
    title: text(of, "title"),
    about: textOr(of, "about"),
    kind: textOr(of, "kind"),
    state: textOr(of, "state"),
    subscribers: numberOr(of, "subscribers"),
  };
}

function readContext(value: unknown): ContextPost {
  const of = fieldsOf(value);
  return {
    post_id: text(of, "post_id"),
    author: textOr(of, "author"),
    state: text(of, "state"),
    text: text(of, "text"),
    at: number(of, "at"),
  };
}

function readPast(value: unknown): PastDecision {
  const of = fieldsOf(value);
  return {
    decision_id: text(of, "decision_id"),
    action: text(of, "action"),
    category: textOr(of, "category"),
    because: textOr(of, "because"),
    human: of["human"] === true,
    at: number(of, "at"),
    note: textOr(of, "note"),
    text: textOr(of, "text"),
    in_force: of["in_force"] !== false,
  };
}

function readPolicy(value: unknown): PolicyText {
  const of = fieldsOf(value);
  const definition = fieldsOf(of["definition"]);
  return {
    category: text(of, "category"),
    definition: Object.fromEntries(Object.entries(definition).map(([lang, words]) => [lang, oneText(words)])),
    strike: number(of, "strike"),
  };
}

export function readItem(value: unknown): Item {
  const of = fieldsOf(value);
  return {
    brief: readBrief(of["brief"]),
    ...optional(of, "subject", (fields, name) => readSubject(fields[name])),
    ...optional(of, "author", (fields, name) => readPerson(fields[name])),
    ...optional(of, "channel", (fields, name) => readPlace(fields[name])),
    before: listOr(of, "before", readContext),
    after: listOr(of, "after", readContext),
    versions: listOr(of, "versions", (each) => {
      const version = fieldsOf(each);
      return { version: number(version, "version"), text: text(version, "text"), at: number(version, "at") };
    }),
    evidence: listOr(of, "evidence", (each) => {
      const signal = fieldsOf(each);
      return {
        name: text(signal, "name"),
        value: text(signal, "value"),
        category: textOr(signal, "category"),
        detail: textOr(signal, "detail"),
        phrases: listOr(signal, "phrases", oneText),
      };
    }),
    highlights: listOr(of, "highlights", (each) => {
      const part = fieldsOf(each);
      return { start: number(part, "start"), end: number(part, "end") };
    }),
    policy: listOr(of, "policy", readPolicy),
    similar: listOr(of, "similar", readPast),
    history: listOr(of, "history", readPast),
    about: listOr(of, "about", readPast),
    complaints: listOr(of, "complaints", (each) => {
      const told = fieldsOf(each);
      return {
        category: text(told, "category"),
        note: textOr(told, "note"),
        counts: told["counts"] === true,
        at: number(told, "at"),
      };
    }),
  };
}

export function readCluster(value: unknown): Cluster {
  const of = fieldsOf(value);
  return {
    cluster_id: text(of, "cluster_id"),
    campaign: of["campaign"] === true,
    copies: number(of, "copies"),
    personas: number(of, "personas"),
    channels: number(of, "channels"),
    preview_hash: text(of, "preview_hash"),
    allowed: numberOr(of, "allowed"),
    others: numberOr(of, "others"),
    examples: listOr(of, "examples", readContext),
    category: textOr(of, "category"),
  };
}

export function readAppealBrief(value: unknown): AppealBrief {
  const of = fieldsOf(value);
  return {
    appeal_id: text(of, "appeal_id"),
    state: text(of, "state"),
    action: text(of, "action"),
    category: textOr(of, "category"),
    lang: textOr(of, "lang"),
    at: number(of, "at"),
    due_at: number(of, "due_at"),
    claim: oneOr(of, "claim", CLAIMS, ""),
  };
}

export const readAppeals = (value: unknown): readonly AppealBrief[] =>
  listOf(fieldsOf(value), "appeals", readAppealBrief);

export function readAppeal(value: unknown): Appeal {
  const of = fieldsOf(value);
  return {
    brief: readAppealBrief(of["brief"]),
    text: text(of, "text"),
    decision: readPast(of["decision"]),
    item: readItem(of["item"]),
  };
}
