/** The public space of the seed: channels and posts in three languages, and each state that a post can be in. */
import type { Answer, Arguments, OwnPersona } from "../../src/core/api.ts";
import type { Channel, PersonaRef, Post } from "../../src/state/public/shapes.ts";
import { Refused } from "./answers.ts";
import { idOf, NOW, type World } from "./world.ts";

type Names = "personas" | "create_persona" | "public_call";
type Table = { [N in Names]: (args: Arguments<N>) => Answer<N> };
type Request = Arguments<"public_call">;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const SECONDS = Math.floor(NOW / 1000);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const who = (handle: string, display_name: string): PersonaRef => ({
  persona_id: idOf(`persona ${handle}`),
  handle,
  display_name,
});
const LAYLA = who("layla_writes", "Layla");
const SECOND = who("طريق_القوافل", "عمر نصّار");
const OMAR = who("omar_n", "عمر نصّار");
const ANNA = who("anna_s", "Анна Соколова");
const MARTA = who("marta.l", "Marta Lindqvist");

function channel(handle: string, title: string, about: string, more: Partial<Channel> = {}): Mutable<Channel> {
  return {
    channel_id: idOf(`channel ${handle}`),
    handle,
    title,
    about,
    kind: "group",
    lang: "en",
    comments: "on",
    join: "open",
    state: "open",
    owner: MARTA,
    created_at: SECONDS - 40 * DAY,
    posts: 128,
    subscribers: 2311,
    category: "",
    subscribed: true,
    role: "member",
    ...more,
  };
}

const CHANNELS: readonly Channel[] = [
  channel(
    "saturday_market",
    "Saturday market",
    "What is sold where, and who needs a lift.\n\nKeep to the market, please.",
  ),
  channel("أخبار_المدينة", "أخبار المدينة", "كل ما يجري في الحي: مواعيد المياه والكهرباء والطرق.", {
    lang: "ar",
    kind: "broadcast",
    owner: OMAR,
    subscribers: 11,
  }),
  channel("дворовые_новости", "Дворовые новости", "Объявления нашего двора.", {
    lang: "ru",
    owner: ANNA,
    subscribers: 3,
  }),
  channel("layla_notes", "Layla’s notes on birds", "Carrier pigeons, mostly.", {
    kind: "broadcast",
    owner: LAYLA,
    role: "owner",
    subscribers: 1,
  }),
  channel("old_deals", "", "", { state: "blocked", category: "fraud", role: "member", subscribers: 0 }),
  channel("quiet_room", "Quiet room", "", { state: "restricted", category: "harassment" }),
];
/** Found by its handle, followed by nobody here. */
const LONG = channel(
  "bartholomew_club",
  "Bartholomew Featherstonehaugh-Cholmondeley III and friends of long names",
  "",
  { subscribed: false, subscribers: 1_204_577 },
);
delete LONG.role;

function post(place: Channel, n: number, author: PersonaRef, text: string, more: Partial<Post> = {}): Mutable<Post> {
  return {
    post_id: idOf(`post ${place.handle} ${String(n)}`),
    channel_id: place.channel_id,
    state: "visible",
    version: 1,
    created_at: SECONDS - n * 47 * MINUTE,
    author,
    text,
    comments: 0,
    unchecked: false,
    label: "",
    category: "",
    ...more,
  };
}

const [MARKET, CITY, YARD, NOTES] = CHANNELS as [Channel, Channel, Channel, Channel];

function stub(place: Channel, n: number, category: string, more: Partial<Post> = {}): Post {
  const made: Partial<Mutable<Post>> = { ...post(place, n, MARTA, ""), state: "removed", category, ...more };
  delete made.author;
  return { ...(made as Post), decided_at: SECONDS - 2 * DAY };
}

const POSTS: readonly Post[] = [
  post(MARKET, 1, MARTA, "Fresh figs at stall 14 until two. Bring your own bag: https://market.example/figs", {
    comments: 3,
  }),
  post(MARKET, 2, LAYLA, "Who has a spare crate for Saturday?", { state: "pending" }),
  post(MARKET, 3, LAYLA, "Swapping seedlings, see the list.", {
    state: "held",
    category: "spam",
    decided_at: SECONDS - 20 * MINUTE,
    held_until: SECONDS + 18 * MINUTE,
  }),
  post(MARKET, 4, OMAR, "سيفتح سوق السبت أبوابه في الثامنة صباحًا، والدخول من البوابة الشمالية.", {
    edited_at: SECONDS - 2 * HOUR,
    version: 3,
    comments: 1,
  }),
  stub(MARKET, 5, "fraud", { comments: 2 }),
  post(MARKET, 6, ANNA, "Продаю мёд и воск, спросите Анну у входа.", { label: "harassment" }),
  post(MARKET, 7, LAYLA, "Cheap tickets, write to me!", {
    state: "removed",
    category: "channel_rules",
    decided_at: SECONDS - DAY,
  }),
  post(MARKET, 8, MARTA, "The lift leaves from the mill at seven.", { unchecked: true }),
  post(CITY, 1, OMAR, "ستُقطع المياه غدًا من التاسعة حتى الواحدة ظهرًا في شارع النخيل وما حوله.", { comments: 2 }),
  post(CITY, 2, OMAR, "أُعيد فتح الجسر القديم أمام السيارات."),
  post(YARD, 1, ANNA, "Завтра красят скамейки, не садитесь до вечера.", { comments: 1 }),
  post(NOTES, 1, LAYLA, "A pigeon finds home over 900 km. Nobody knows quite how."),
];
/** By its own address alone. */
const LIMITED = post(MARKET, 90, MARTA, "They are all the same over there, you know how they are.", {
  state: "limited",
  category: "hate",
  decided_at: SECONDS - DAY,
});

const under = (root: Post, n: number, author: PersonaRef, text: string, more: Partial<Post> = {}): Post => ({
  ...post(MARKET, 100 + n, author, text, { thread_root: root.post_id, ...more }),
  created_at: root.created_at + n * 4 * MINUTE,
});
const [FIGS, , , , STUB] = POSTS as [Post, Post, Post, Post, Post];
const COMMENTS: ReadonlyMap<string, readonly Post[]> = new Map([
  [
    FIGS.post_id,
    [
      under(FIGS, 1, OMAR, "هل بقي منه شيء؟"),
      under(FIGS, 2, MARTA, "Two crates left."),
      { ...stub(MARKET, 103, "spam", { thread_root: FIGS.post_id }), created_at: FIGS.created_at + HOUR },
      under(FIGS, 4, ANNA, "Оставьте мне килограмм, пожалуйста."),
    ],
  ],
  [STUB.post_id, [under(STUB, 5, ANNA, "Осторожно, это обман.")]],
]);

const OWN: readonly OwnPersona[] = [
  { number: 0, ...LAYLA },
  { number: 1, ...SECOND },
];

/** Calls of the public space. Scenes: `no-personas`, `no-public`; every other one has two personas. */
export function publicCalls(world: World): Table {
  const own = world.scene === "no-personas" ? [] : [...OWN];
  return {
    personas: () => {
      if (world.scene === "no-public") throw new Refused("no-such-route");
      if (world.scene === "offline") throw new Refused("unreachable");
      return own;
    },
    create_persona: ({ handle, display_name }) => {
      if (handle === "layla") throw new Refused("handle-taken");
      const made = { number: own.length, ...who(handle, display_name) };
      own.push(made);
      return made;
    },
    public_call: (request) => {
      if (world.scene === "no-public") throw new Refused("no-such-route");
      // A long poll that never ends: nothing happens in a picture.
      if (/wait_s=[1-9]/.test(request.path)) return new Promise<string>(() => undefined) as unknown as string;
      return JSON.stringify(answer(world, request));
    },
  };
}

function seen(world: World, place: Channel): Channel {
  if (world.scene !== "no-personas") return place;
  const stranger: Mutable<Channel> = { ...place, subscribed: false };
  delete stranger.role;
  return stranger;
}

function answer(world: World, { method, path, body = "{}" }: Request): unknown {
  const [route = "", query = ""] = path.split("?");
  const [, first = "", second = "", third = ""] = route.split("/");
  const redress = redressOf(world, first, second, third);
  if (redress !== undefined) return redress;
  if (first === "updates") return { events: [], next: "0" };
  if (first === "subscriptions") return { channels: world.scene === "fresh" ? [] : CHANNELS };
  if (first === "search") return { posts: search(decodeURIComponent(/q=([^&]*)/.exec(query)?.[1] ?? "")) };
  if (first === "personas") return persona(decodeURIComponent(second));
  if (first === "channels" && method === "POST" && second === "") throw new Refused("handle-confusable");
  if (first === "channels") {
    const place = findChannel(decodeURIComponent(second));
    if (third !== "posts") return seen(world, place);
    if (method === "POST") return { ...post(place, 0, LAYLA, words(body)), state: "pending" };
    return { posts: POSTS.filter((one) => one.channel_id === place.channel_id), next: "more" };
  }
  const found = [...POSTS, LIMITED, ...[...COMMENTS.values()].flat()].find(({ post_id }) => post_id === second);
  if (!found) throw new Refused("gone");
  if (third === "comments") return { posts: COMMENTS.get(found.post_id) ?? [] };
  if (third === "versions") return { versions: versions(found) };
  return found;
}

function words(body: string): string {
  return (JSON.parse(body) as { text?: string }).text ?? "";
}

function findChannel(reference: string): Channel {
  const fits = (one: Channel): boolean => one.channel_id === reference || `@${one.handle}` === reference;
  const found = [...CHANNELS, LONG].find(fits);
  if (!found) throw new Refused("gone");
  return found;
}

function persona(id: string): object {
  const found = OWN.find((one) => one.persona_id === id);
  const strict = found?.number === 1 ? { strike_until: SECONDS + 80 * DAY, limited_until: SECONDS + 5 * DAY } : {};
  return {
    ...(found ?? LAYLA),
    kind: "person",
    created_at: SECONDS - 30 * DAY,
    trust: found?.number === 1 ? 0 : 2,
    ...strict,
  };
}

const STATEMENT = {
  puid: "s",
  language: "en",
  explanation:
    "Your post in \u2068saturday_market\u2069 of 2026-10-13 was removed: it offers something that it does not give.",
  facts: "A program found that the post matches a text that people had confirmed as fraud.",
  redress: "You can appeal here until 2027-04-11, free of charge; another person decides.",
  automated_detection: "Yes",
  automated_decision: "AUTOMATED_DECISION_FULLY",
};

function notice(n: number, action: string, category: string, more: object = {}): Record<string, unknown> {
  return {
    decision_id: idOf(`decision ${String(n)}`),
    kind: "post",
    target: idOf(`post ${MARKET.handle} ${String(n)}`),
    version: 1,
    action,
    category,
    at: SECONDS - n * 7 * HOUR,
    in_force: true,
    automated: true,
    statement: STATEMENT,
    appeal_until: SECONDS + 179 * DAY,
    proof: { entry: "e", path: [], checkpoint: "c", record: "r", salt: "s" },
    ...more,
  };
}

const brief = (n: number, state: string): object => ({
  appeal_id: idOf(`appeal ${String(n)}`),
  state,
  at: SECONDS - 2 * HOUR,
  due_at: SECONDS + 22 * HOUR,
});
const NOTICES = [
  notice(1, "remove", "fraud"),
  notice(2, "limit", "hate", { appeal: brief(2, "assigned"), automated: false }),
  notice(3, "restore", "spam", { in_force: true, automated: false, statement: undefined, appeal_until: undefined }),
  notice(4, "hold", "violence_incitement", { appeal: brief(4, "reversed"), in_force: false }),
  notice(7, "remove", "channel_rules", {
    ...{ automated: false, statement: undefined, appeal_until: undefined },
    reason: "Not about the market",
  }),
  notice(9, "label", "self_harm", { care: true }),
];

function appealOf(n: number): object {
  return {
    ...brief(n, n === 2 ? "assigned" : "reversed"),
    decision_id: idOf(`decision ${String(n)}`),
    text: "I quoted it to warn others.",
    answer: n === 2 ? "" : "You are right: the post warns of it. It is visible again.",
  };
}

/** Calls about moderation; undefined for every other. */
function redressOf(world: World, first: string, second: string, third: string): unknown {
  if (world.scene === "no-moderation" && ["reports", "me", "decisions"].includes(first))
    throw new Refused("no-such-route");
  const about = (at: number, state: string, category: string): object => ({
    ...{ report_id: idOf(`report ${String(at)}`), kind: at === 3 ? "channel" : "post", target: "t", category, state },
    at: SECONDS - at * DAY,
  });
  if (first === "reports") return about(0, "received", "spam");
  if (first === "me" && second === "notices") return { notices: NOTICES };
  if (first === "me" && second === "reports")
    return { reports: [about(1, "in_review", "fraud"), about(2, "acted", "spam"), about(3, "declined", "hate")] };
  if (first === "me") return { trust: 1, points: 1, strikes: [{ ...STRIKE }], limited_until: SECONDS + 3 * DAY };
  if (first === "appeals") return appealOf(second === idOf("appeal 2") ? 2 : 4);
  if (first !== "decisions") return undefined;
  if (third === "appeals") return { ...appealOf(2), state: "open" };
  const found = NOTICES.find((one) => one["decision_id"] === second);
  if (!found) throw new Refused("gone");
  return found;
}

const STRIKE = {
  decision_id: idOf("decision 1"),
  category: "fraud",
  weight: 1,
  at: SECONDS - DAY,
  expires_at: SECONDS + 89 * DAY,
};

function search(query: string): readonly Post[] {
  return query.includes("nothing") ? [] : POSTS.filter(({ text, state }) => text !== "" && state === "visible");
}

function versions(of: Post): readonly object[] {
  return Array.from({ length: of.version }, (_, at) => ({
    version: at + 1,
    text: at + 1 === of.version ? of.text : `${of.text.slice(0, 20 + 10 * at)}…`,
    lang: "",
    at: of.created_at + at * HOUR,
  }));
}

/** Ids that the list of screens needs. */
export const PUBLIC = {
  market: MARKET.handle,
  city: CITY.handle,
  notes: NOTES.handle,
  long: LONG.handle,
  figs: FIGS.post_id,
  stub: STUB.post_id,
  limited: LIMITED.post_id,
  decision: (n: number): string => idOf(`decision ${String(n)}`),
};
