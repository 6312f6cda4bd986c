/**
 * The scenes of the seed: `?scene=NAME`. Each is a whole world; the cross-cutting ones are the busy world in another
 * state. SCENES lists them all, for the screenshots.
 */
import type { ConnectionState, Health, Lead, LinkProgress, Role } from "../../src/core/api.ts";
import { FILES_CHAT, waitingUploads } from "./files.ts";
import { BRIDGES, CONNECTIONS } from "./routes.ts";
import * as scripts from "./scripts.ts";
import {
  DAY,
  HOUR,
  MINUTE,
  NOW,
  actor,
  fill,
  hexOf,
  idOf,
  must,
  person,
  type Line,
  type SeedChat,
  type SeedMember,
  type World,
} from "./world.ts";

const ME = person("Layla");

export const SCENES = [
  "empty",
  "empty-open",
  "fresh",
  "alone",
  "busy",
  "files",
  "requests",
  "big",
  "loading",
  "offline",
  "trying",
  "via",
  "slow",
  "waiting",
  "blocked",
  "blocked-bridges",
  "server_down",
  "too-young",
  "gone",
  "not-this-server",
  "following",
  "stopped",
  "stopped-erased",
  "stopped-newer-schema",
  "stopped-damaged",
  "stopped-no-browser-support",
  "storage-full",
  "locked",
  "locked-waits",
  "locked-both",
  "locked-passkey",
  "lock-on",
  "lock-on-both",
  "lock-on-passkey",
  "memory-only",
  "revoked",
  "rolled-back",
  "update-required",
  "removed",
  "left",
  "stuck",
  "rejoining",
  "creating",
  "key-changed",
  "admins-write",
  "large-group",
  "full-group",
  "growing-group",
  "grow-failed",
  "grown-group",
  "not-introduced",
  "not-introduced-one",
  "disappearing",
  "asked",
  "push-closed",
  "push-quiet",
  "typing",
  "refused",
  "unreachable",
  "no-server",
  "no-answers",
  "broken",
  "not-persisted",
  "call-mini-note",
  "linking-waiting",
  "linking-approved",
  "linking-chats",
  "linking-done",
  "linking-expired",
  "linking-refused",
  "linking-failed",
  "key-due",
  "key-shown",
  "key-confirmed",
  "key-rotated",
  "key-waits",
  "key-problem",
  "key-limited",
] as const;
export type SceneName = (typeof SCENES)[number];

const HEALTHY: Health = {
  memory_only: false,
  storage_full: false,
  persisted: true,
  revoked: false,
  rolled_back: false,
  update_required: false,
  recovery_due: false,
};
function blank(scene: string): World {
  return {
    scene,
    now: NOW,
    lead: { phase: "leading" },
    lock: undefined,
    health: { ...HEALTHY },
    connection: { ...CONNECTIONS.direct },
    registration: "invite",
    settings: { receipts: true, typing: true, notifications: false, enter_sends: true },
    contacts: [],
    keyChanged: new Set(),
    blocked: new Set(),
    requests: [],
    devices: [],
    chats: [],
    uploads: [],
    linking: must(LINKING["linking-waiting"]),
    refuse: new Map(),
    silent: new Set(),
  };
}

function member(name: string, role: Role, devices = 1): SeedMember {
  return { person: actor(name, ME), role, devices };
}

function chatOf(kind: SeedChat["kind"], title: string, members: SeedMember[], more: Partial<SeedChat> = {}): SeedChat {
  const own =
    members.find((m) => m.person.account === ME.account) ?? member("me", kind === "group" ? "member" : "owner", 2);
  const all = members.includes(own) ? members : [own, ...members];
  return {
    id: idOf("chat " + title, 43),
    kind,
    title,
    status: "active",
    members: all,
    epoch: 7,
    unread: 0,
    mentioned: false,
    pinned: 0,
    archived: false,
    muted_until: 0,
    keyChanged: false,
    messages: [],
    ...more,
  };
}

function dm(name: string, lines: readonly Line[], end: number, more: Partial<SeedChat> = {}): SeedChat {
  const chat = chatOf("dm", name, [member(name, "owner", name === "Echo" ? 1 : 2)], {
    peer: person(name).account,
    ...more,
  });
  fill(chat, lines, end, ME);
  return chat;
}

function group(
  title: string,
  members: SeedMember[],
  lines: readonly Line[],
  end: number,
  more: Partial<SeedChat> = {},
): SeedChat {
  const chat = chatOf("group", title, members, more);
  fill(chat, lines, end, ME);
  return chat;
}

function selfChat(lines: readonly Line[], end: number): SeedChat {
  const chat = chatOf("self", "", []);
  chat.id = idOf("chat self", 43);
  fill(chat, lines, end, ME);
  return chat;
}

function withMe(world: World, devices: number): World {
  world.me = { ...ME, device: 1, server_name: "home.example" };
  world.devices = Array.from({ length: devices }, (_, index) => ({
    device: index + 1,
    added_at: NOW - (40 - index * 13) * DAY,
    current: index === 0,
  }));
  return world;
}

function befriend(world: World, name: string, verified = false): void {
  const one = person(name);
  const chat = world.chats.find((c) => c.kind === "dm" && c.peer === one.account);
  world.contacts.push({
    ...one,
    verified,
    devices: name === "Echo" ? 1 : 2,
    ...(chat === undefined ? {} : { dm: chat.id }),
  });
}

function fresh(scene: string): World {
  const world = withMe(blank(scene), 1);
  world.chats = [dm("Echo", scripts.ECHO.slice(0, 1), NOW - MINUTE), selfChat([], NOW)];
  befriend(world, "Echo");
  return world;
}

/** Nobody but ourselves. */
function alone(scene: string): World {
  const world = withMe(blank(scene), 1);
  world.chats = [selfChat([], NOW)];
  return world;
}

function market(lines: readonly Line[], end: number): SeedChat {
  const people = scripts.MARKET_PEOPLE.map((name, index) =>
    member(name, index === 0 ? "owner" : index === 3 ? "admin" : "member", 1 + (index % 3)),
  );
  const chat = group("Saturday market", [member("me", "admin", 2), ...people], lines, end);
  chat.epoch = 23;
  return chat;
}

function busy(scene: string): World {
  const world = withMe(blank(scene), 3);
  const family = ["جدّتي", "رنا", "يوسف بن سالم"].map((name, index) => member(name, index === 0 ? "owner" : "member"));
  const travel = ["Павел", "Ирина", "Тимур"].map((name, index) => member(name, index === 0 ? "owner" : "member"));
  const choir = ["Sofia Reyes", "Noor Al-Amin", "Kofi Mensah", "Анна Соколова", "عمر نصّار", "Marta Lindqvist"];
  world.chats = [
    market([...scripts.smallTalk(300, "market"), ...scripts.MARKET], NOW - 4 * MINUTE),
    dm("Анна Соколова", scripts.ANNA, NOW - 11 * MINUTE, { unread: 3 }),
    group("عائلة حدّاد", family, [...scripts.FAMILY.slice(0, 6), ...scripts.FAMILY.slice(1)], NOW - 38 * MINUTE, {
      unread: 10,
      mentioned: true,
    }),
    dm("عمر نصّار", scripts.OMAR, NOW - 2 * HOUR),
    dm("Marta Lindqvist", scripts.MARTA, NOW - 5 * HOUR, { draft: "Oh no, the green one? I will fetch it on" }),
    group(
      "Клуб путешественников",
      travel,
      [...scripts.TRAVEL, ...Array.from({ length: 30 }, () => scripts.TRAVEL.slice(1)).flat()],
      NOW - 8 * HOUR,
      { unread: 147, muted_until: Number.MAX_SAFE_INTEGER },
    ),
    dm("Kofi Mensah", scripts.KOFI, NOW - 26 * HOUR),
    dm("Noor Al-Amin", scripts.NOOR, NOW - 2 * DAY),
    dm("Echo", scripts.ECHO, NOW - 3 * DAY),
    selfChat(scripts.SELF, NOW - 4 * DAY),
    dm("Bartholomew Featherstonehaugh-Cholmondeley III", scripts.LONG, NOW - 6 * DAY),
    group(
      "Neighbourhood choir: rehearsals, lifts and everything around the winter concert",
      choir.map((n, i) => member(n, i === 0 ? "owner" : "member")),
      [
        { notice: { code: "created", by: "Sofia Reyes" } },
        { who: "me", text: "Count me in as a second alto.", gap: 4, state: "delivered" },
      ],
      NOW - 20 * DAY,
    ),
    group(
      "مكتبة Наша библиотека Library",
      [member("me", "owner", 2), member("Тимур", "member")],
      [{ notice: { code: "created", by: "me" } }, { who: "Тимур", text: "Книга 12 → الرفّ 3 ✅", gap: 30 }],
      NOW - 400 * DAY,
    ),
  ];
  for (const name of ["Анна Соколова", "عمر نصّار"]) befriend(world, name, true);
  for (const name of [
    "Marta Lindqvist",
    "Kofi Mensah",
    "Noor Al-Amin",
    "Echo",
    "Bartholomew Featherstonehaugh-Cholmondeley III",
    "Sofia Reyes",
    "رنا",
    "Тимур",
  ])
    befriend(world, name);
  return world;
}

function withFiles(scene: string): World {
  const world = busy(scene);
  const chat = dm("Sofia Reyes", FILES_CHAT, NOW - 2 * MINUTE);
  const kinds = [FILES_CHAT.slice(1, 2), FILES_CHAT.slice(4, 5), FILES_CHAT.slice(5, 6)];
  const others = ["Kofi Mensah", "Noor Al-Amin", "Marta Lindqvist"];
  // Rows of the list that end with each kind.
  for (const [at, lines] of kinds.entries()) {
    const other = must(world.chats.find(({ title }) => title === others[at]));
    fill(
      other,
      lines.map(({ text: _text, ...line }) => line),
      NOW - (3 + at) * MINUTE,
      ME,
    );
    for (const message of other.messages) if (message.state === "failed") message.state = "sent";
    delete other.draft;
  }
  world.chats.push(chat);
  world.uploads = waitingUploads(chat);
  return world;
}

function big(scene: string): World {
  const world = busy(scene);
  world.chats[0] = market(
    [...scripts.smallTalk(10_000 - scripts.MARKET.length, "big"), ...scripts.MARKET],
    NOW - 4 * MINUTE,
  );
  return world;
}

function cut(scene: string, status: SeedChat["status"], notice: Line["notice"] & object): World {
  const world = busy(scene);
  const chat = must(world.chats[0]);
  chat.status = status;
  fill(chat, [{ notice }], NOW - 2 * MINUTE, ME);
  return world;
}

function changedKey(scene: string): World {
  const world = busy(scene);
  const chat = must(world.chats[1]);
  chat.keyChanged = true;
  chat.unread = 0;
  world.keyChanged.add(must(chat.peer));
  must(world.contacts[0]).verified = false;
  fill(
    chat,
    [
      { notice: { code: "key-changed", by: "Анна Соколова" } },
      { who: "me", text: "Ты сменила телефон?", gap: 1, state: "queued" },
    ],
    NOW - 2 * MINUTE,
    ME,
  );
  return world;
}

/** A group that is too large to be protected against quantum computers. */
function largeGroup(scene: string): World {
  const world = busy(scene);
  const chat = must(world.chats.find((one) => one.title === "Saturday market"));
  chat.members = chat.members.map((member) => ({ ...member, devices: 48 }));
  return world;
}

/** A group with room for nobody more; growth: how the room for more comes along. */
function growing(scene: string, growth?: { failed?: string }): World {
  const world = busy(scene);
  const chat = must(world.chats.find((one) => one.title === "Saturday market"));
  const [first, ...rest] = chat.members;
  chat.members = [{ ...must(first), devices: 128 - rest.length }, ...rest.map((member) => ({ ...member, devices: 1 }))];
  if (growth) chat.growth = growth;
  return world;
}

/** Room was made, by somebody else and by us. */
function grown(scene: string): World {
  const world = largeGroup(scene);
  const chat = must(world.chats.find((one) => one.title === "Saturday market"));
  const notices = ["Sofia Reyes", "me"].map((by) => ({ notice: { code: "grown" as const, by } }));
  chat.unread = 0;
  fill(chat, notices, NOW - 2 * MINUTE, ME);
  return world;
}

/** Only admins write: in one group we are a member, in the other an admin. */
function adminsWrite(scene: string): World {
  const world = busy(scene);
  const perms = { send: true, add: true, info: true, timer: true, link: true };
  for (const [title, by] of [
    ["Клуб путешественников", "Павел"],
    ["Saturday market", "me"],
  ] as const) {
    const chat = must(world.chats.find((one) => one.title === title));
    Object.assign(chat, { perms, unread: 0, unshown: by === "me" ? 3 : 0 });
    const notices = [
      { code: "write-admins" as const, by },
      { code: "link-made" as const, by },
    ];
    fill(
      chat,
      [...notices.map((notice) => ({ notice })), { notice: { code: "asked", by: "Sofia Reyes" } }],
      NOW - MINUTE,
      ME,
    );
  }
  return world;
}

/** People are to be added who have not said yet how. */
function unintroduced(scene: string, names: readonly string[]): World {
  const world = busy(scene);
  must(world.chats[0]).notIntroduced = names.map(person);
  return world;
}

/** Chats whose messages disappear, in two scripts. */
function disappearing(scene: string): World {
  const world = busy(scene);
  const timers: Record<string, number> = { "Анна Соколова": 7 * 86_400, "عمر نصّار": 2 * 86_400, "Marta Lindqvist": 45 };
  for (const [title, timer] of Object.entries(timers)) {
    const chat = must(world.chats.find((one) => one.title === title));
    Object.assign(chat, { timer, unread: 0, draft: undefined });
    fill(chat, scripts.disappearing(title, timer), NOW - 4 * MINUTE, ME);
  }
  return world;
}

function allMuted(scene: string): World {
  const world = busy(scene);
  for (const chat of world.chats) chat.muted_until = Number.MAX_SAFE_INTEGER;
  return world;
}

const CODE = "https://home.example/l#" + idOf("link code", 118);
const EMOJI = ["🐢", "🍋", "⛵"];
const WAITING: LinkProgress = { phase: "waiting", code: CODE, emoji: EMOJI, expires_at: NOW + 97_000 };
const LINKING: Record<string, readonly LinkProgress[]> = {
  "linking-waiting": [WAITING],
  "linking-approved": [{ phase: "approved", emoji: EMOJI }],
  "linking-chats": [{ phase: "chats", emoji: EMOJI }],
  "linking-done": [{ phase: "done" }],
  "linking-expired": [{ phase: "expired", failure: { code: "link-expired", category: "local" } }],
  "linking-refused": [{ phase: "refused", failure: { code: "link-mismatch", category: "local" } }],
  "linking-failed": [{ phase: "failed", failure: { code: "unreachable", category: "unavailable" } }],
};

function leadScene(scene: string, lead: Lead): World {
  const world = busy(scene);
  world.lead = lead;
  return world;
}

function health(scene: string, change: Partial<Health>): World {
  const world = busy(scene);
  Object.assign(world.health, change);
  return world;
}

function away(scene: string, state: ConnectionState): World {
  const world = busy(scene);
  world.connection = { ...CONNECTIONS[state] };
  if (world.connection.queued === 0) return world;
  fill(
    must(world.chats[0]),
    [
      { who: "me", text: "I am on the train, so this may take a while.", state: "queued" },
      { who: "me", text: "Tickets are in the drawer.", state: "queued" },
    ],
    NOW - MINUTE,
    ME,
  );
  return world;
}

function refusing(scene: string, code: string): World {
  return without(blank(scene), code, ["create_account", "preview_link", "approve_link"]);
}

/** The world with private bridges. */
function holding(world: World): World {
  world.connection.bridges = BRIDGES.length;
  return world;
}

/** The world with calls that are refused. */
function without(world: World, code: string, calls: readonly string[]): World {
  for (const call of calls) world.refuse.set(call, code);
  return world;
}

function busyWithout(scene: string): World {
  const world = busy(scene);
  for (const call of [
    "chats",
    "messages",
    "chat",
    "preview_bridges",
    "contacts",
    "contact",
    "devices",
    "inventory",
    "server_view",
  ])
    world.silent.add(call);
  return world;
}

/** The world of a scene; an unknown name is the busy one. */
/** Three strangers ask to write, one of whom calls herself like a contact; Marta is blocked. */
function withStrangers(scene: string): World {
  const world = busy(scene);
  world.blocked.add(person("Marta Lindqvist").account);
  world.requests = [
    ["Кирилл", "Здравствуйте! Мы познакомились на ярмарке в субботу, вот фотографии: https://photos.example/2026"],
    ["Marta  Lindqvist", "Hi, this is my new account, please write to me here."],
    ["سالم", "السلام عليكم،\nهل ما زال المكان شاغرًا؟"],
  ].map(([name = "", text = ""], at) => ({
    id: idOf(`request ${name}`, 22),
    account: idOf(`stranger ${name}`, 22),
    name,
    text,
    at: world.now - (at + 1) * 3 * HOUR,
    ...(name.startsWith("Marta") && { resembles: "Marta Lindqvist" }),
  }));
  return world;
}

export function worldOf(scene: string): World {
  if (scene in LINKING) return { ...blank(scene), linking: must(LINKING[scene]) };
  switch (scene) {
    case "empty":
      return blank(scene);
    case "empty-open":
      return { ...blank(scene), registration: "open" };
    case "fresh":
      return fresh(scene);
    case "alone":
      return alone(scene);
    case "requests":
      return withStrangers(scene);
    case "files":
      return withFiles(scene);
    case "big":
      return big(scene);
    case "loading":
      return busyWithout(scene);
    case "offline":
    case "trying":
    case "via":
    case "slow":
    case "waiting":
    case "blocked":
    case "server_down":
      return away(scene, scene);
    case "blocked-bridges":
      return holding(away(scene, "blocked"));
    case "too-young":
    case "gone":
    case "not-this-server":
      return without(busy(scene), scene, ["share_bridges", "add_bridges"]);
    case "following":
      return leadScene(scene, { phase: "following" });
    case "stopped":
      return leadScene(scene, { phase: "stopped", reason: "lost-lead" });
    case "stopped-erased":
      return leadScene(scene, { phase: "stopped", reason: "erased" });
    case "stopped-newer-schema":
      return leadScene(scene, { phase: "stopped", reason: "newer-schema" });
    case "stopped-damaged":
      return leadScene(scene, { phase: "stopped", reason: "damaged" });
    case "stopped-no-browser-support":
      return { ...blank(scene), lead: { phase: "stopped", reason: "no-browser-support" } };
    case "locked":
    case "locked-waits":
    case "locked-both":
    case "locked-passkey":
      return { ...busy(scene), lock: "closed" };
    case "lock-on":
    case "lock-on-both":
    case "lock-on-passkey":
      return { ...busy(scene), lock: "open" };
    case "storage-full":
      return health(scene, { storage_full: true });
    case "memory-only":
      return health(scene, { memory_only: true, persisted: false });
    case "revoked":
      return health(scene, { revoked: true });
    case "rolled-back":
      return health(scene, { rolled_back: true });
    case "key-due":
      return health(scene, { recovery_due: true });
    case "key-waits":
      return { ...busy(scene), connection: { ...CONNECTIONS.offline } };
    case "update-required":
      return health(scene, { update_required: true });
    case "removed":
      return cut(scene, "removed", { code: "you-removed", by: "Marta Lindqvist" });
    case "left":
      return cut(scene, "left", { code: "left", whom: ["me"], by: "me" });
    case "stuck":
      return cut(scene, "stuck", { code: "refused-change", by: "Павел" });
    case "rejoining":
      return cut(scene, "rejoining", { code: "gap" });
    case "creating":
      return cut(scene, "creating", { code: "created", by: "me" });
    case "key-changed":
      return changedKey(scene);
    case "admins-write":
      return adminsWrite(scene);
    case "large-group":
      return largeGroup(scene);
    case "full-group":
      return growing(scene);
    case "growing-group":
      return growing(scene, {});
    case "grow-failed":
      return growing(scene, { failed: "not-introduced" });
    case "grown-group":
      return grown(scene);
    case "not-introduced":
      return unintroduced(scene, ["Sofia Reyes", "رنا", "Ирина"]);
    case "not-introduced-one":
      return unintroduced(scene, ["عمر نصّار"]);
    case "disappearing":
      return disappearing(scene);
    case "push-quiet":
      return allMuted(scene);
    case "refused":
      return refusing(scene, "gate-required");
    case "unreachable":
      return refusing(scene, "unreachable");
    case "no-server":
      return without(blank(scene), "unreachable", ["server_info"]);
    case "no-answers":
      return without(busy(scene), "storage-full", ["chats", "contact"]);
    case "broken":
      return without(blank(scene), "worker-ended", ["status"]);
    case "not-persisted":
    case "call-mini-note":
      return health(scene, { persisted: false });
    default:
      return busy(scene);
  }
}

/** What the server would show of a message; only the head of the ciphertext is made up here. */
export function cipherHead(id: string): string {
  return "0001" + "0002" + "20" + hexOf(id, 59);
}
