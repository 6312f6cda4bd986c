/** Reports, decisions about oneself with their reasons, appeals: the shapes of zajil.protocol.public.redress, and calls. */
import { type Fields, fieldsOf, listOf, number, oneOf, optional, text } from "./shapes.ts";
import { ask } from "./space.ts";

export type ReportKind = "post" | "persona" | "channel";
export type ReportState = "received" | "in_review" | "acted" | "declined" | "reversed";
export type AppealState = "open" | "assigned" | "upheld" | "reversed" | "partly";
export const CATEGORIES = [
  ...["fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam"],
] as const;
export const APPEAL_CHARACTERS = 2000;
export const NOTE_CHARACTERS = 1000;

export interface Report {
  readonly report_id: string;
  readonly kind: ReportKind;
  readonly target: string;
  readonly category: string;
  readonly state: ReportState;
  readonly at: number;
}

export interface Reports {
  readonly reports: readonly Report[];
  readonly next?: string;
  /** Until then the own reports carry no weight. */
  readonly muted_until?: number;
}

/** What of a statement of reasons is for the author to read; its texts are in the author's language. */
export interface Statement {
  readonly explanation: string;
  readonly facts: string;
  readonly redress: string;
  readonly automated_detection: string;
  readonly automated_decision: string;
}

export interface AppealBrief {
  readonly appeal_id: string;
  readonly state: AppealState;
  readonly due_at: number;
}

/** A decision as the persona it meets is told of it. */
export interface Notice {
  readonly decision_id: string;
  readonly kind: ReportKind;
  readonly target: string;
  readonly action: string;
  readonly category: string;
  readonly at: number;
  readonly in_force: boolean;
  readonly automated: boolean;
  readonly until?: number;
  /** Of a channel's own moderator. */
  readonly reason: string;
  readonly statement?: Statement;
  /** Until when an appeal is taken; absent where none is. */
  readonly appeal_until?: number;
  readonly appeal?: AppealBrief;
  /** The public log holds it, with proof. */
  readonly logged: boolean;
  /** Help is offered beside it. */
  readonly care: boolean;
}

export interface Notices {
  readonly notices: readonly Notice[];
  readonly next?: string;
}

export interface Appeal extends AppealBrief {
  readonly text: string;
  readonly answer: string;
}

export interface Strike {
  readonly decision_id: string;
  readonly category: string;
  readonly expires_at: number;
}

export interface Standing {
  readonly strikes: readonly Strike[];
  readonly limited_until?: number;
  readonly suspended_until?: number;
}

const KINDS: readonly ReportKind[] = ["post", "persona", "channel"];
const REPORT_STATES: readonly ReportState[] = ["received", "in_review", "acted", "declined", "reversed"];
const APPEAL_STATES: readonly AppealState[] = ["open", "assigned", "upheld", "reversed", "partly"];
const textOr = (of: Fields, name: string): string => (typeof of[name] === "string" ? of[name] : "");

function readReport(value: unknown): Report {
  const of = fieldsOf(value);
  return {
    report_id: text(of, "report_id"),
    kind: oneOf(of, "kind", KINDS),
    target: text(of, "target"),
    category: text(of, "category"),
    state: oneOf(of, "state", REPORT_STATES),
    at: number(of, "at"),
  };
}

function readReports(value: unknown): Reports {
  const of = fieldsOf(value);
  return {
    reports: listOf(of, "reports", readReport),
    ...optional(of, "next", text),
    ...optional(of, "muted_until", number),
  };
}

function readStatement(value: unknown): Statement {
  const of = fieldsOf(value);
  return {
    explanation: text(of, "explanation"),
    facts: text(of, "facts"),
    redress: text(of, "redress"),
    automated_detection: text(of, "automated_detection"),
    automated_decision: text(of, "automated_decision"),
  };
}

function readBrief(value: unknown): AppealBrief {
  const of = fieldsOf(value);
  return { appeal_id: text(of, "appeal_id"), state: oneOf(of, "state", APPEAL_STATES), due_at: number(of, "due_at") };
}

export function readNotice(value: unknown): Notice {
  const of = fieldsOf(value);
  return {
    decision_id: text(of, "decision_id"),
    kind: oneOf(of, "kind", KINDS),
    target: text(of, "target"),
    action: text(of, "action"),
    category: textOr(of, "category"),
    at: number(of, "at"),
    in_force: of["in_force"] === true,
    automated: of["automated"] === true,
    ...optional(of, "until", number),
    reason: textOr(of, "reason"),
    ...optional(of, "statement", (fields, name) => readStatement(fields[name])),
    ...optional(of, "appeal_until", number),
    ...optional(of, "appeal", (fields, name) => readBrief(fields[name])),
    logged: typeof of["proof"] === "object" && of["proof"] !== null,
    care: of["care"] === true,
  };
}

function readNotices(value: unknown): Notices {
  const of = fieldsOf(value);
  return { notices: listOf(of, "notices", readNotice), ...optional(of, "next", text) };
}

function readAppeal(value: unknown): Appeal {
  const of = fieldsOf(value);
  return { ...readBrief(value), text: text(of, "text"), answer: textOr(of, "answer") };
}

function readStanding(value: unknown): Standing {
  const of = fieldsOf(value);
  return {
    strikes: listOf(of, "strikes", (each) => {
      const strike = fieldsOf(each);
      return {
        decision_id: text(strike, "decision_id"),
        category: text(strike, "category"),
        expires_at: number(strike, "expires_at"),
      };
    }),
    ...optional(of, "limited_until", number),
    ...optional(of, "suspended_until", number),
  };
}

export const report = (
  as: number,
  about: { readonly kind: ReportKind; readonly target: string; readonly category: string; readonly note: string },
  once: string,
): Promise<Report> => ask(as, "POST", "/reports", readReport, { body: about, once });
export const ownReports = (as: number, before?: string): Promise<Reports> =>
  ask(as, "GET", "/me/reports", readReports, { query: { before } });
/** Newest first. */
export const notices = (as: number, before?: string): Promise<Notices> =>
  ask(as, "GET", "/me/notices", readNotices, { query: { before } });
export const findNotice = (as: number, decision: string): Promise<Notice> =>
  ask(as, "GET", `/decisions/${decision}`, readNotice);
export const appeal = (as: number, decision: string, words: string, once: string): Promise<Appeal> =>
  ask(as, "POST", `/decisions/${decision}/appeals`, readAppeal, { body: { text: words }, once });
export const findAppeal = (as: number, id: string): Promise<Appeal> => ask(as, "GET", `/appeals/${id}`, readAppeal);
export const ownStanding = (as: number): Promise<Standing> => ask(as, "GET", "/me/standing", readStanding);
