/**
 * What /mod/v1 answers, as JSON: the shapes of zajil.protocol.review.api. Times are Unix seconds. A reader throws where
 * the shape is another one; unknown fields are ignored.
 */
import { type Fields, fieldsOf, listOf, number, oneOf, text } from "../public/shapes.ts";

export const CATEGORIES = [
  ...["fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam"],
] as const;
export const LANGS = ["ar", "en", "ru", "und"] as const;
export const SOURCES = ["human", "bot", "model"] as const;
export const ROLES = ["reviewer", "senior", "policy", "admin", "auditor"] as const;
/** What fits which category, nearer. */
export const SUBS: Readonly<Record<string, readonly string[]>> = {
  violence_incitement: ["threat", "sabotage", "terrorism"],
};
export type Role = (typeof ROLES)[number];
export type Claim = "" | "mine" | "other";
export type TargetKind = "post" | "persona" | "channel" | "cluster";
export type Queue = "main" | "escalate" | "error" | "senior" | "audit" | "private";
export const QUEUES: readonly Queue[] = ["escalate", "senior", "main", "error", "audit", "private"];
export const CLAIMS: readonly Claim[] = ["", "mine", "other"];
const KINDS: readonly TargetKind[] = ["post", "persona", "channel", "cluster"];

export interface Me {
  readonly staff_id: string;
  readonly name: string;
  readonly role: Role;
  readonly languages: readonly string[];
  readonly categories: readonly string[];
  readonly keys: number;
  readonly needs_key: boolean;
  /** May read reports from private chats. */
  readonly private: boolean;
}

export interface QueueCount {
  readonly queue: Queue;
  readonly open: number;
  readonly claimed: number;
  readonly oldest_at: number;
}

export interface Queues {
  readonly queues: readonly QueueCount[];
  readonly appeals: number;
}

export interface ItemBrief {
  readonly item_id: string;
  readonly queue: Queue;
  readonly kind: TargetKind;
  readonly category: string;
  readonly sub: string;
  readonly lang: string;
  readonly source: string;
  readonly effect: string;
  readonly harm: number;
  readonly reach: number;
  readonly opened_at: number;
  readonly state: string;
  readonly claim: Claim;
  readonly claimed_until: number;
  readonly cluster_id: string;
  readonly copies: number;
}

export interface Decided {
  readonly decision_id: string;
  readonly action: string;
  readonly category: string;
  readonly at: number;
  readonly undo_until: number;
  readonly waits_for_second: boolean;
  readonly copies: number;
}

export const textOr = (of: Fields, name: string): string => (typeof of[name] === "string" ? of[name] : "");
export const numberOr = (of: Fields, name: string): number => (of[name] === undefined ? 0 : number(of, name));
export const listOr = <T>(of: Fields, name: string, read: (value: unknown) => T): readonly T[] =>
  of[name] === undefined ? [] : listOf(of, name, read);
export const oneText = (value: unknown): string => (typeof value === "string" ? value : "");
export const oneOr = <T extends string>(of: Fields, name: string, values: readonly T[], otherwise: T): T =>
  of[name] === undefined ? otherwise : oneOf(of, name, values);

export const readOptions = (value: unknown): string => text(fieldsOf(value), "options");
export const readSession = (value: unknown): { token: string } => ({ token: text(fieldsOf(value), "token") });
export const readNothing = (value: unknown): void => void fieldsOf(value);

export function readMe(value: unknown): Me {
  const of = fieldsOf(value);
  return {
    staff_id: text(of, "staff_id"),
    name: text(of, "name"),
    role: oneOf(of, "role", ROLES),
    languages: listOf(of, "languages", oneText),
    categories: listOf(of, "categories", oneText),
    keys: number(of, "keys"),
    needs_key: of["needs_key"] === true,
    private: of["private"] === true,
  };
}

export function readQueues(value: unknown): Queues {
  const of = fieldsOf(value);
  const queues = listOf(of, "queues", (each) => {
    const count = fieldsOf(each);
    return {
      queue: oneOf(count, "queue", QUEUES),
      open: number(count, "open"),
      claimed: number(count, "claimed"),
      oldest_at: number(count, "oldest_at"),
    };
  });
  return { queues, appeals: number(of, "appeals") };
}

export function readBrief(value: unknown): ItemBrief {
  const of = fieldsOf(value);
  return {
    item_id: text(of, "item_id"),
    queue: oneOf(of, "queue", QUEUES),
    kind: oneOf(of, "kind", KINDS),
    category: textOr(of, "category"),
    sub: textOr(of, "sub"),
    lang: textOr(of, "lang"),
    source: textOr(of, "source"),
    effect: textOr(of, "effect"),
    harm: number(of, "harm"),
    reach: number(of, "reach"),
    opened_at: number(of, "opened_at"),
    state: textOr(of, "state"),
    claim: oneOr(of, "claim", CLAIMS, ""),
    claimed_until: numberOr(of, "claimed_until"),
    cluster_id: textOr(of, "cluster_id"),
    copies: numberOr(of, "copies"),
  };
}

export const readItems = (value: unknown): readonly ItemBrief[] => listOf(fieldsOf(value), "items", readBrief);

export function readDecided(value: unknown): Decided {
  const of = fieldsOf(value);
  return {
    decision_id: text(of, "decision_id"),
    action: text(of, "action"),
    category: textOr(of, "category"),
    at: number(of, "at"),
    undo_until: numberOr(of, "undo_until"),
    waits_for_second: of["waits_for_second"] === true,
    copies: numberOr(of, "copies"),
  };
}
