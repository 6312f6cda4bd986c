/** What /mod/v1 answers on the photographed screens: items in three languages, copies, an appeal, private reports. */
import type { Page, Route } from "@playwright/test";
import { idOf, NOW } from "./world.ts";

const SECONDS = Math.floor(NOW / 1000);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const id = (name: string): string => idOf(`review ${name}`);

const FRAUD =
  "Your money, doubled! Guaranteed doubling within the hour, write to +49 151 0000000 https://double.example";
const ARABIC = "هذا نقل لكلام قيل عنا، لا كلامي. أنقله لأردّ عليه.";
const CONTEXT = [
  ["anna_s", "Кто-нибудь завтра едет на рынок? Могу взять двоих.", "visible"],
  ["عمر_ن", "موعد توزيع الطرود يوم الجمعة بعد الصلاة.", "visible"],
  ["marta.l", "Bread at stall nine, from eight.", "visible"],
  ["kofi_m", "Cheap tickets, write to me!", "removed"],
] as const;

interface Brief {
  readonly item_id: string;
  readonly kind: string;
}

function brief(name: string, more: Record<string, unknown> = {}): Brief & Record<string, unknown> {
  return {
    item_id: id(name),
    queue: "main",
    kind: "post",
    target: id(`target ${name}`),
    version: 1,
    category: "fraud",
    lang: "en",
    source: "notice",
    effect: "hold",
    harm: 640,
    reach: 2311,
    opened_at: SECONDS - 14 * MINUTE,
    ...more,
  };
}

const ITEMS = [
  brief("campaign", {
    kind: "cluster",
    source: "campaign",
    cluster_id: "0a0b:1",
    copies: 14,
    claim: "mine",
    claimed_until: SECONDS + 500,
  }),
  brief("threat", { category: "violence_incitement", sub: "threat", lang: "ar", source: "rule", harm: 900 }),
  brief("hate", { category: "hate", lang: "ru", source: "score", effect: "limit", reach: 11, claim: "other" }),
  brief("unsettled", { category: "any", lang: "und", source: "notice", effect: "allow", harm: 20, reach: 3 }),
];
const BLIND = brief("sample", { queue: "audit", category: "", source: "sample", effect: "" });
const SENIOR = brief("name", { queue: "senior", kind: "persona", category: "", source: "strikes", effect: "" });

const author = {
  persona_id: id("kofi"),
  handle: "kofi_m",
  display_name: "Kofi Mensah",
  created_at: SECONDS - 6 * DAY,
  trust: 1,
  accepted: 4,
  points: 3,
  limited_until: SECONDS + 4 * DAY,
};
const channel = {
  channel_id: id("market"),
  handle: "saturday_market",
  title: "Saturday market",
  kind: "group",
  lang: "en",
  state: "open",
  subscribers: 2311,
  about: "What is sold where, and who needs a lift.",
};
const post = (at: number): Record<string, unknown> => {
  const [handle, text, state] = CONTEXT[at % CONTEXT.length] ?? CONTEXT[0];
  return { post_id: id(`context ${String(at)}`), author: handle, state, text, at: SECONDS - HOUR + at * MINUTE };
};
const past = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  decision_id: id(`decision ${name}`),
  kind: "post",
  target: id(name),
  version: 1,
  action: "remove",
  category: "fraud",
  source: "person",
  because: "notice",
  human: true,
  at: SECONDS - 2 * DAY,
  note: "",
  text: "Send 500 and get 1,000 back within the hour.",
  ...more,
});
const definition = {
  en: "Taking money, accounts or data from people by deceiving them: fake prizes, jobs, investments, shops, officials.",
  ar: "أخذ مال الناس أو حساباتهم أو بياناتهم بالخداع: جوائز ووظائف واستثمارات ومتاجر وموظفون مزيفون.",
  ru: "Выманивание денег, учётных записей или данных обманом: ложные призы, работа, вложения, магазины, чиновники.",
};
const normalised = "your money, doubled! guaranteed doubling within the hour, write to phonetok urltok";

function item(of: Record<string, unknown>, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    brief: { ...of, claim: "mine", claimed_until: SECONDS + 590 },
    subject: {
      post_id: id("subject"),
      version: 2,
      newest: 3,
      state: "held",
      text: FRAUD,
      lang: "en",
      at: SECONDS - 16 * MINUTE,
      normalised,
    },
    author,
    channel,
    before: [0, 1, 2].map(post),
    after: [3].map(post),
    versions: [
      { version: 1, text: "Guaranteed doubling!", at: SECONDS - 20 * MINUTE },
      { version: 2, text: FRAUD, at: SECONDS - 16 * MINUTE },
    ],
    evidence: [
      { name: "rule.fraud-advance-fee", value: "hold", category: "fraud", phrases: ["guaranteed doubling"] },
      { name: "score.fraud", value: "0.9132", category: "fraud" },
      { name: "entity.phone", value: "1" },
      { name: "match.campaign", value: "14", category: "any", detail: "0a0b:1" },
    ],
    highlights: [
      { start: 21, end: 40, weight: 3.1 },
      { start: 41, end: 56, weight: 1.2 },
    ],
    policy: [{ category: "fraud", definition, strike: 1 }],
    similar: [past("similar"), past("similar 2", { action: "allow", category: "", text: "Two for the price of one." })],
    history: [past("history", { note: "Third time this week", in_force: false })],
    about: [past("about", { action: "hold", human: false, because: "fraud-advance-fee", text: "" })],
    complaints: [
      { category: "fraud", note: "Он пишет это всем.", counts: true, at: SECONDS - 10 * MINUTE },
      { category: "spam", note: "", counts: false, at: SECONDS - 5 * MINUTE },
    ],
    ...more,
  };
}

const APPEAL = {
  appeal_id: id("appeal"),
  decision_id: id("decision appealed"),
  state: "open",
  action: "remove",
  category: "hate",
  lang: "ar",
  at: SECONDS - 3 * HOUR,
  due_at: SECONDS + 21 * HOUR,
};
const PRIVATE = [
  { report_id: id("report"), kind: "report", day: SECONDS - (SECONDS % DAY) },
  { report_id: id("complaint"), kind: "complaint", day: SECONDS - (SECONDS % DAY) - DAY, claim: "other" },
];
const reversed = (name: string, text: string): Record<string, unknown> => {
  const { decision_id, action, category, at } = past(`reversed ${name}`, { action: "hold" });
  return { decision_id, action, category, at, text };
};
const SUSPENSIONS = [
  {
    kind: "rule",
    ref: "fraud-offer-with-contact",
    since: SECONDS - 5 * HOUR,
    reversals: [reversed("bread", "Bread for two coins at stall nine, write to me."), reversed("خبز", ARABIC)],
  },
  { kind: "domain", ref: "bargain-harbour.example", since: SECONDS - 2 * DAY, stands: false },
  { kind: "phone", ref: "+4915100000000", since: SECONDS - 3 * DAY, reversals: [reversed("gone", "")] },
];

const ME = {
  staff_id: id("me"),
  name: "Layla",
  role: "admin",
  languages: [],
  categories: [],
  keys: 1,
  expires: SECONDS + 8 * HOUR,
  stepped_up_until: SECONDS + 300,
  needs_key: true,
  private: true,
};
const QUEUES = {
  queues: [
    { queue: "escalate", open: 2, claimed: 0, oldest_at: SECONDS - HOUR },
    { queue: "senior", open: 1, claimed: 0, oldest_at: SECONDS - DAY },
    { queue: "main", open: 1204, claimed: 2, oldest_at: SECONDS - DAY },
    { queue: "error", open: 0, claimed: 0, oldest_at: 0 },
    { queue: "audit", open: 38, claimed: 0, oldest_at: SECONDS - DAY },
  ],
  appeals: 1,
};
const OPTIONS = { options: JSON.stringify({ challenge: "AAAA", rpId: "localhost", userVerification: "required" }) };

/** The answer of a call; undefined: there is none. */
function answer(method: string, path: string, body: { readonly item?: string } | null): unknown {
  const found = (name: string): Record<string, unknown> =>
    [...ITEMS, SENIOR, BLIND].find((each) => path.includes(each.item_id)) ?? brief(name);
  if (path.endsWith("/options")) return OPTIONS;
  if (path.endsWith("/verify")) return { token: idOf("token", 43), expires: SECONDS, staff_id: id("me"), key_id: "k" };
  if (path === "/me") return ME;
  if (path === "/queues") return QUEUES;
  if (path === "/queues/main") return { items: ITEMS };
  if (path === "/queues/senior") return { items: [SENIOR] };
  if (path === "/queues/audit" || path === "/queues/audit/claim") return { items: [BLIND] };
  if (path === `/items/${BLIND.item_id}`)
    return item(BLIND, { evidence: [], highlights: [], similar: [], history: [], about: [], complaints: [] });
  if (path === "/queues/main/claim") return { items: [ITEMS.find((each) => each.item_id === body?.item) ?? ITEMS[0]] };
  if (path === "/queues/senior/claim") return { items: [SENIOR] };
  if (/^\/queues\/\w+$/.test(path)) return { items: [] };
  if (path === `/items/${SENIOR.item_id}`)
    return item(SENIOR, { subject: undefined, before: [], after: [], versions: [], evidence: [], highlights: [] });
  if (path.startsWith("/items/") && method === "GET") return item(found("campaign"));
  if (path.endsWith("/decide") && path.startsWith("/items/"))
    return { decision_id: id("made"), action: "remove", category: "fraud", at: SECONDS, undo_until: SECONDS + 60 };
  if (path.startsWith("/clusters/"))
    return {
      cluster_id: "0a0b:1",
      state: "open",
      campaign: true,
      copies: 14,
      personas: 6,
      channels: 5,
      preview_hash: idOf("preview", 43),
      allowed: 14,
      others: 2,
      examples: [0, 1].map((at) => ({ ...post(at), text: FRAUD })),
    };
  if (path === "/appeals") return { appeals: [APPEAL, { ...APPEAL, appeal_id: id("other"), claim: "other" }] };
  if (path.startsWith("/appeals/") && method === "POST") return APPEAL;
  if (path.startsWith("/appeals/"))
    return {
      brief: APPEAL,
      text: ARABIC,
      decision: past("appealed", { category: "hate" }),
      item: item(brief("appealed")),
    };
  if (path.startsWith("/suspensions")) return { suspensions: SUSPENSIONS };
  if (path === "/private") return { opens: true, key: "open", reports: PRIVATE };
  if (path.endsWith("/claim")) return PRIVATE[0];
  if (path.startsWith("/private/"))
    return {
      report_id: id("report"),
      kind: "report",
      reason: "violence_incitement",
      accepted_at: SECONDS - HOUR,
      note: "منذ البارحة",
      messages: [
        { text: "I know where you live. سأجدك", form: "text", sender: idOf("sender"), sent_ms: NOW - 3_600_000 },
        { text: "", form: "other", sender: idOf("sender"), sent_ms: 0 },
      ],
    };
  return undefined;
}

/** A passkey device that always says yes, and the answers of a server that moderates. scene `over`: the session ends. */
export async function seedReview(page: Page): Promise<void> {
  await page.addInitScript(() => {
    if (!location.pathname.endsWith("/review")) return;
    const bytes = new Uint8Array(8).buffer;
    navigator.credentials.get = () =>
      Promise.resolve({
        id: "AAAA",
        rawId: bytes,
        type: "public-key",
        authenticatorAttachment: "platform",
        getClientExtensionResults: () => ({}),
        response: { authenticatorData: bytes, clientDataJSON: bytes, signature: bytes, userHandle: bytes },
      } as unknown as Credential);
  });
  await page.route("**/mod/v1/**", async (route: Route) => {
    const url = new URL(route.request().url());
    const path = url.pathname.replace(/^.*\/mod\/v1/, "");
    const scene = new URL(page.url()).searchParams.get("scene") ?? "";
    const over = scene === "over" && path.startsWith("/queues");
    const empty = scene === "empty" && path === "/queues/main";
    const made = empty
      ? { items: [] }
      : answer(route.request().method(), path, route.request().postDataJSON() as { item?: string } | null);
    if (over || made === undefined) {
      const code = over ? "token-expired" : "gone";
      await route.fulfill({ status: over ? 401 : 404, json: { type: "about:blank", title: code, code } });
      return;
    }
    await route.fulfill({ json: made });
  });
}
