/**
 * What the public space answers, as JSON: the shapes of zajil.protocol.public.api. Times are Unix seconds.
 *
 * Nothing in them is secret, so tabs read them themselves. A reader throws where the shape is another one; unknown fields
 * are ignored, and so is what is optional and not of its type.
 */

export type ChannelKind = "broadcast" | "group";
export type ChannelRole = "owner" | "admin" | "moderator" | "member" | "subscriber";
export type PostState = "pending" | "visible" | "limited" | "held" | "removed";

export interface PersonaRef {
  readonly persona_id: string;
  readonly handle: string;
  readonly display_name: string;
}

/** A persona; trust and the two times are told to itself alone. */
export interface Persona extends PersonaRef {
  readonly created_at: number;
  readonly trust?: number;
  readonly strike_until?: number;
  readonly limited_until?: number;
}

export interface Channel {
  readonly channel_id: string;
  readonly handle: string;
  readonly title: string;
  readonly about: string;
  readonly kind: ChannelKind;
  readonly lang: string;
  readonly comments: "on" | "off";
  readonly join: "open" | "approval";
  readonly state: "open" | "restricted" | "blocked";
  readonly owner?: PersonaRef;
  readonly created_at: number;
  readonly posts: number;
  readonly subscribers: number;
  readonly category: string;
  readonly role?: ChannelRole;
  readonly subscribed: boolean;
  readonly muted_until?: number;
}

export interface Post {
  readonly post_id: string;
  readonly channel_id: string;
  readonly state: PostState;
  readonly version: number;
  readonly created_at: number;
  /** Absent in a stub. */
  readonly author?: PersonaRef;
  readonly text: string;
  readonly edited_at?: number;
  readonly reply_to?: string;
  readonly thread_root?: string;
  readonly comments: number;
  /** Shown before moderation answered. */
  readonly unchecked: boolean;
  /** Category for which it is blurred; "" for none. */
  readonly label: string;
  readonly category: string;
  readonly decided_at?: number;
  readonly held_until?: number;
}

export interface Posts {
  readonly posts: readonly Post[];
  readonly next?: string;
}

export interface PostVersion {
  readonly version: number;
  readonly text: string;
  readonly at: number;
}

export interface PublicEvent {
  readonly event: string;
  readonly channel_id?: string;
  readonly post_id?: string;
  readonly post?: Post;
  readonly channel?: Channel;
  readonly ref: string;
}

export interface Updates {
  readonly events: readonly PublicEvent[];
  readonly next: string;
  readonly gap: boolean;
}

/** An answer of another shape than the one promised; its code is that of the worker's own errors. */
class WrongShape extends Error {
  readonly code = "malformed";
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WrongShape();
  return value as Fields;
}

export function text(of: Fields, name: string): string {
  const value = of[name];
  if (typeof value !== "string") throw new WrongShape();
  return value;
}

export function number(of: Fields, name: string): number {
  const value = of[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new WrongShape();
  return value;
}

export function oneOf<T extends string>(of: Fields, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === of[name]);
  if (found === undefined) throw new WrongShape();
  return found;
}

export function listOf<T>(of: Fields, name: string, read: (value: unknown) => T): readonly T[] {
  const value = of[name];
  if (!Array.isArray(value)) throw new WrongShape();
  return value.map(read);
}

/** `{name: value}`, or nothing where the field is absent. */
export function optional<K extends string, T>(of: Fields, name: K, read: (of: Fields, name: K) => T): { [N in K]?: T } {
  return of[name] === undefined || of[name] === null ? {} : ({ [name]: read(of, name) } as { [N in K]?: T });
}

const textOr = (of: Fields, name: string): string => (typeof of[name] === "string" ? of[name] : "");
const ROLES: readonly ChannelRole[] = ["owner", "admin", "moderator", "member", "subscriber"];
const STATES: readonly PostState[] = ["pending", "visible", "limited", "held", "removed"];

function readRef(value: unknown): PersonaRef {
  const of = fieldsOf(value);
  return { persona_id: text(of, "persona_id"), handle: text(of, "handle"), display_name: text(of, "display_name") };
}

export function readPersona(value: unknown): Persona {
  const of = fieldsOf(value);
  return {
    ...readRef(value),
    created_at: number(of, "created_at"),
    ...optional(of, "trust", number),
    ...optional(of, "strike_until", number),
    ...optional(of, "limited_until", number),
  };
}

export function readChannel(value: unknown): Channel {
  const of = fieldsOf(value);
  return {
    channel_id: text(of, "channel_id"),
    handle: text(of, "handle"),
    title: text(of, "title"),
    about: text(of, "about"),
    kind: oneOf(of, "kind", ["broadcast", "group"]),
    lang: text(of, "lang"),
    comments: oneOf(of, "comments", ["on", "off"]),
    join: oneOf(of, "join", ["open", "approval"]),
    state: oneOf(of, "state", ["open", "restricted", "blocked"]),
    ...optional(of, "owner", (fields, name) => readRef(fields[name])),
    created_at: number(of, "created_at"),
    posts: number(of, "posts"),
    subscribers: number(of, "subscribers"),
    category: textOr(of, "category"),
    ...optional(of, "role", (fields, name) => oneOf(fields, name, ROLES)),
    subscribed: of["subscribed"] === true,
    ...optional(of, "muted_until", number),
  };
}

export function readPost(value: unknown): Post {
  const of = fieldsOf(value);
  return {
    post_id: text(of, "post_id"),
    channel_id: text(of, "channel_id"),
    state: oneOf(of, "state", STATES),
    version: number(of, "version"),
    created_at: number(of, "created_at"),
    ...optional(of, "author", (fields, name) => readRef(fields[name])),
    text: textOr(of, "text"),
    ...optional(of, "edited_at", number),
    ...optional(of, "reply_to", text),
    ...optional(of, "thread_root", text),
    comments: of["comments"] === undefined ? 0 : number(of, "comments"),
    unchecked: of["unchecked"] === true,
    label: textOr(of, "label"),
    category: textOr(of, "category"),
    ...optional(of, "decided_at", number),
    ...optional(of, "held_until", number),
  };
}

export function readPosts(value: unknown): Posts {
  const of = fieldsOf(value);
  return { posts: listOf(of, "posts", readPost), ...optional(of, "next", text) };
}

export function readVersions(value: unknown): readonly PostVersion[] {
  return listOf(fieldsOf(value), "versions", (each) => {
    const of = fieldsOf(each);
    return { version: number(of, "version"), text: text(of, "text"), at: number(of, "at") };
  });
}

export function readSubscriptions(value: unknown): readonly Channel[] {
  return listOf(fieldsOf(value), "channels", readChannel);
}

export function readUpdates(value: unknown): Updates {
  const of = fieldsOf(value);
  const events = listOf(of, "events", (each): PublicEvent => {
    const event = fieldsOf(each);
    return {
      event: text(event, "event"),
      ...optional(event, "channel_id", text),
      ...optional(event, "post_id", text),
      ...optional(event, "post", (fields, name) => readPost(fields[name])),
      ...optional(event, "channel", (fields, name) => readChannel(fields[name])),
      ref: textOr(event, "ref"),
    };
  });
  return { events, next: text(of, "next"), gap: of["gap"] === true };
}

export const readNothing = (): void => undefined;
