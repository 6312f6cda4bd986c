/** The seed's calls: what each does to the world, and what the page is told afterwards. */
import type {
  Answer,
  Arguments,
  CallName,
  Connection,
  CoreEvent,
  Health,
  Inventory,
  Me,
  Person,
  Role,
  Status,
} from "../../src/core/api.ts";
import { isConnected } from "../../src/state/route.ts";
import * as answers from "./answers.ts";
import { Refused, findChat, findMessage } from "./answers.ts";
import { fileCalls } from "./files.ts";
import { joinCalls } from "./joins.ts";
import { INVENTORY } from "./inventory.ts";
import { inviteCalls } from "./invites.ts";
import { publicCalls } from "./public.ts";
import { lockCalls } from "./lock.ts";
import { recoveryCalls } from "./recovery.ts";
import { strangerCalls } from "./strangers.ts";
import { worldOf } from "./scenes.ts";
import { searchCalls } from "./search.ts";
import {
  NOW,
  idOf,
  must,
  person,
  seedMessage,
  type Line,
  type SeedChat,
  type SeedMessage,
  type World,
} from "./world.ts";

type Table = { [N in CallName]: (args: Arguments<N>) => Answer<N> };

export interface Seed {
  readonly world: World;
  answer(name: CallName, args: unknown): unknown;
  advance(chat: string): void;
  incoming(chat: string, text: string): void;
  typing(chat: string): void;
  change(parts: { connection?: Partial<Connection>; health?: Partial<Health> }): void;
}

const TICKS = ["queued", "sending", "sent", "delivered", "read"] as const;

/** A seed over a world; `emit` gets the events of core/api.ts. */
export function createSeed(world: World, emit: (event: CoreEvent) => void): Seed {
  const teller = new Teller(world, emit);
  const table: Table = {
    ...accountCalls(world, teller),
    ...messageCalls(world, teller),
    ...peopleCalls(world, teller),
    ...groupCalls(world, teller),
    ...settingsCalls(world, teller),
    ...reachCalls(world, teller),
    ...publicCalls(world),
    ...inviteCalls(world),
    ...fileCalls(world, emit),
    ...searchCalls(world),
    ...joinCalls(world, (chat) => answers.chatView(world, chat).may.link),
    ...strangerCalls(world, emit),
    push_key: () => (world.scene === "push-closed" ? "" : "a2V5"),
    set_push: () => undefined,
    drop_push: () => undefined,
    ...recoveryCalls(world, emit),
    ...lockCalls(world, () => teller.status()),
  };
  return {
    world,
    answer: (name, args) => (table[name] as (args: unknown) => unknown)(args),
    advance: (id) => {
      advance(world, teller, findChat(world, id));
    },
    incoming: (id, text) => {
      incoming(world, teller, findChat(world, id), text);
    },
    typing: (id) => {
      const chat = findChat(world, id);
      const other = chat.members.find((member) => member.person.account !== world.me?.account);
      if (other !== undefined) emit({ event: "typing", chat: id, person: other.person, until: Date.now() + 6_000 });
    },
    change: (parts) => {
      Object.assign(world.connection, parts.connection);
      Object.assign(world.health, parts.health);
      teller.status();
    },
  };
}

/** Tells the page what changed. */
class Teller {
  readonly #world: World;
  readonly emit: (event: CoreEvent) => void;

  constructor(world: World, emit: (event: CoreEvent) => void) {
    this.#world = world;
    this.emit = emit;
  }

  status(): void {
    this.emit({ event: "status", status: statusOf(this.#world) });
  }

  chat(chat: SeedChat): void {
    this.emit({ event: "chat", chat: chat.id });
    this.emit({ event: "chats" });
  }

  messages(chat: SeedChat, ids: readonly string[]): void {
    this.emit({ event: "messages", chat: chat.id, ids });
    this.emit({ event: "chats" });
  }
}

function statusOf(world: World): Status {
  return structuredClone({
    lead: world.lead,
    ...(world.me === undefined || world.lock === "closed" ? {} : { me: world.me }),
    ...(world.lock === undefined ? {} : { lock: world.lock }),
    health: world.health,
    connection: world.connection,
  });
}

function self(world: World): Me {
  if (world.me === undefined) throw new Refused("no-home");
  return world.me;
}

function say(world: World, teller: Teller, chat: SeedChat, line: Line): SeedMessage {
  const message = seedMessage(chat, line, world.now, self(world));
  world.now += 1_000;
  chat.messages.push(message);
  teller.messages(chat, [message.id]);
  return message;
}

function note(world: World, teller: Teller, chat: SeedChat, notice: NonNullable<Line["notice"]>): void {
  say(world, teller, chat, { notice: { by: "me", ...notice } });
  teller.chat(chat);
}

function incoming(world: World, teller: Teller, chat: SeedChat, text: string): void {
  const other = chat.members.find((member) => member.person.account !== world.me?.account);
  if (other === undefined) return;
  const message = say(world, teller, chat, { who: other.person.name, text });
  chat.unread += 1;
  if (chat.muted_until <= world.now) chat.archived = false;
  teller.chat(chat);
  teller.emit({
    event: "incoming",
    chat: chat.id,
    id: message.id,
    title: chat.title,
    sender: other.person,
    text,
    files: [],
    muted: chat.muted_until > world.now,
    mentioned: false,
  });
}

function advance(world: World, teller: Teller, chat: SeedChat): void {
  const moved: string[] = [];
  for (const message of chat.messages) {
    const next = TICKS[TICKS.indexOf(message.state as (typeof TICKS)[number]) + 1];
    if (!message.own || next === undefined || !TICKS.includes(message.state as (typeof TICKS)[number])) continue;
    message.state = next;
    if (next === "delivered") message.deliveredAt = world.now;
    if (next === "read") message.readAt = world.now;
    moved.push(message.id);
  }
  teller.messages(chat, moved);
}

/** A sent message reaches the server after a moment; Echo answers. Offline it stays queued. */
function carry(world: World, teller: Teller, chat: SeedChat, message: SeedMessage): void {
  if (!isConnected(world.connection)) {
    world.connection.queued += 1;
    teller.status();
    return;
  }
  setTimeout(() => {
    message.state = "sent";
    teller.messages(chat, [message.id]);
    if (chat.title === "Echo")
      say(world, teller, chat, { who: "Echo", ...(message.text === undefined ? {} : { text: message.text }) });
  }, 120);
}

function accountCalls(
  world: World,
  teller: Teller,
): Pick<
  Table,
  | "status"
  | "server_info"
  | "preview_invite"
  | "prepare_account"
  | "create_account"
  | "stop_work"
  | "start_linking"
  | "cancel_linking"
  | "preview_link"
  | "approve_link"
  | "set_name"
  | "recover"
  | "log_out"
> {
  return {
    status: () => statusOf(world),
    server_info: () => ({ server_name: "home.example", registration: world.registration, public_space: true }),
    preview_invite: ({ text }) => answers.invitePreview(world, text),
    prepare_account: () => undefined,
    create_account: ({ name, invite }) => {
      if (world.registration === "invite" && invite === undefined) throw new Refused("gate-required");
      if (invite !== undefined && answers.invitePreview(world, invite).expired) throw new Refused("link-expired");
      const made = worldOf("fresh");
      world.me = { ...self(made), name };
      Object.assign(world, { contacts: made.contacts, chats: made.chats, devices: made.devices });
      teller.status();
      teller.emit({ event: "chats" });
      return { ...world.me };
    },
    stop_work: () => undefined,
    start_linking: () => {
      for (const progress of world.linking) teller.emit({ event: "linking", progress });
      if (world.linking.at(-1)?.phase !== "done") return;
      const made = worldOf("busy");
      Object.assign(world, { me: made.me, contacts: made.contacts, chats: made.chats, devices: made.devices });
      teller.status();
    },
    cancel_linking: () => undefined,
    preview_link: ({ code }) => {
      if (code.includes("expired")) throw new Refused("link-expired");
      if (code.includes("/i#") || code.trim().length < 20) throw new Refused("bad-link");
      return { name: "Chromium on Linux", platform: "web", emoji: ["🐢", "🍋", "⛵"] };
    },
    approve_link: ({ history }) => {
      const device = world.devices.length + 1;
      world.devices = [...world.devices, { device, added_at: world.now, current: false }];
      teller.emit({ event: "devices" });
      if (history) teller.emit({ event: "history", progress: { way: "out", state: "moves", done: 3, whole: 8 } });
      return { device, history: history ? "goes" : "stays" };
    },
    set_name: ({ name }) => {
      world.me = { ...self(world), name };
      teller.status();
      return { ...self(world) };
    },
    recover: () => {
      world.health.rolled_back = false;
      teller.status();
    },
    log_out: () => {
      world.lead = { phase: "stopped", reason: "erased" };
      teller.status();
    },
  };
}

function messageCalls(
  world: World,
  teller: Teller,
): Pick<
  Table,
  | "chats"
  | "chat"
  | "messages"
  | "message"
  | "send"
  | "edit"
  | "delete_message"
  | "react"
  | "retry"
  | "mark_read"
  | "report_draft"
  | "report"
  | "typing"
  | "open_calls"
  | "set_draft"
  | "arrange"
> {
  function changed(chat: string, id: string, change: (message: SeedMessage) => void): void {
    const found = findChat(world, chat);
    change(findMessage(found, id));
    teller.messages(found, [id]);
  }
  return {
    chats: () => answers.chatLines(world),
    chat: ({ id }) => answers.chatView(world, id),
    messages: (a) => answers.page(findChat(world, a.chat), a),
    message: ({ chat, id }) => {
      const found = findChat(world, chat);
      const message = findMessage(found, id);
      const others = found.members.filter((member) => member.person.account !== world.me?.account);
      const receipts =
        message.own && message.notice === undefined
          ? others.map(({ person: one }, index) => receiptOf(message, one, index))
          : [];
      return { message: answers.messageView(message), versions: message.versions, receipts };
    },
    send: ({ chat, text, reply_to }) => {
      const found = findChat(world, chat);
      if (new TextEncoder().encode(text).length > 65_536) throw new Refused("text-too-long");
      if (!answers.chatView(world, chat).may.send) throw new Refused("not-a-member");
      const back = reply_to === undefined ? -1 : found.messages.findIndex((message) => message.id === reply_to);
      const message = say(world, teller, found, {
        who: "me",
        text,
        state: "queued",
        ...(back < 0 ? {} : { reply: found.messages.length - back }),
      });
      delete found.draft;
      carry(world, teller, found, message);
      return message.id;
    },
    edit: ({ chat, id, text }) => {
      changed(chat, id, (message) => {
        if (!message.may.edit) throw new Refused("not-permitted");
        message.versions.push({ text: message.text ?? "", at: message.at });
        Object.assign(message, { text, edited: true });
      });
    },
    delete_message: ({ chat, id, for: whom }) => {
      const found = findChat(world, chat);
      if (whom === "me") {
        found.messages = found.messages.filter((message) => message.id !== id);
        teller.messages(found, [id]);
        return;
      }
      changed(chat, id, (message) => {
        delete message.text;
        Object.assign(message, {
          files: [],
          deleted: true,
          mentions: [],
          reactions: [],
          may: { edit: false, delete_for_all: false, react: false, reply: false, report: false },
        });
      });
    },
    report_draft: ({ chat, ids }) => {
      const chosen = ids.map((id) => findMessage(findChat(world, chat), id));
      const texts = chosen.flatMap((one) => [...one.versions, { text: one.text ?? "", at: one.at }]);
      return { person: must(chosen[0]).sender, texts, note_characters: 1000 };
    },
    report: ({ reason, complaint }) => {
      if (complaint) return { outcome: "sent-as-complaint", id: idOf("complaint") };
      if (reason === "other") return { outcome: "unproven", item: 0, check: "frank" };
      return { outcome: "sent", id: idOf("report") };
    },
    react: ({ chat, id, emoji }) => {
      changed(chat, id, (message) => {
        message.reactions = reacted(message, self(world), emoji);
      });
    },
    retry: ({ chat, id }) => {
      changed(chat, id, (message) => {
        message.state = "queued";
        delete message.reason;
        carry(world, teller, findChat(world, chat), message);
      });
    },
    mark_read: ({ chat }) => {
      const found = findChat(world, chat);
      if (found.unread === 0 && !found.mentioned) return;
      Object.assign(found, { unread: 0, mentioned: false });
      teller.chat(found);
    },
    open_calls: () => {
      throw new Refused("not-leading"); // no worker runs behind the seed
    },
    typing: () => undefined,
    set_draft: ({ chat, text, reply_to }) => {
      const found = findChat(world, chat);
      delete found.replyDraft;
      if (text === "") delete found.draft;
      else found.draft = text;
      if (reply_to !== undefined) found.replyDraft = reply_to;
      teller.chat(found);
    },
    arrange: ({ chat, act, until }) => {
      const found = findChat(world, chat);
      if (act === "pin" && world.chats.filter(({ pinned }) => pinned > 0).length >= 5)
        throw new Refused("too-many-pins");
      if (act === "pin") Object.assign(found, { pinned: Date.now(), archived: false });
      else if (act === "unpin") found.pinned = 0;
      else if (act === "archive") Object.assign(found, { archived: true, pinned: 0 });
      else if (act === "unarchive") found.archived = false;
      else found.muted_until = until ?? Number.MAX_SAFE_INTEGER;
      teller.chat(found);
    },
  };
}

function receiptOf(
  message: SeedMessage,
  one: Person,
  index: number,
): { person: Person; delivered_at?: number; read_at?: number } {
  const delivered = message.state === "delivered" || message.state === "read";
  if (!delivered) return { person: one };
  const at = message.at + (index + 1) * 21_000;
  return {
    person: one,
    delivered_at: at,
    ...(message.state === "read" || index === 0 ? { read_at: at + 40_000 } : {}),
  };
}

function reacted(message: SeedMessage, me: Person, emoji: string | null): SeedMessage["reactions"] {
  const without = message.reactions
    .map((reaction) => ({ ...reaction, own: false, by: reaction.by.filter((one) => one.account !== me.account) }))
    .filter((reaction) => reaction.by.length > 0);
  if (emoji === null) return without;
  const there = without.find((reaction) => reaction.emoji === emoji);
  if (there === undefined) return [...without, { emoji, own: true, by: [me] }];
  return without.map((reaction) =>
    reaction === there ? { ...reaction, own: true, by: [...reaction.by, me] } : reaction,
  );
}

function peopleCalls(
  world: World,
  teller: Teller,
): Pick<Table, "contacts" | "contact" | "set_verified" | "check_safety" | "add_contact" | "request_contact"> {
  return {
    contacts: () => structuredClone(world.contacts),
    contact: ({ account }) => answers.contactPage(world, account),
    set_verified: ({ account, verified }) => {
      const contact = world.contacts.find((one) => one.account === account);
      if (contact === undefined) throw new Refused("unknown-contact");
      contact.verified = verified;
      world.keyChanged.delete(account);
      for (const chat of world.chats.filter((one) => one.peer === account)) {
        chat.keyChanged = false;
        teller.chat(chat);
      }
      teller.emit({ event: "contacts" });
    },
    check_safety: ({ account, text }) => {
      if (text === answers.contactPage(world, account).safety_qr) return "same";
      return text.length < 100 ? "not-a-code" : "different";
    },
    add_contact: ({ link }) => {
      const preview = answers.invitePreview(world, link);
      if (preview.expired) throw new Refused("link-expired");
      if (link.includes("#spent")) throw new Refused("not-allowed");
      if (preview.account === undefined || preview.name === undefined) throw new Refused("bad-link");
      const there = world.chats.find((chat) => chat.peer === preview.account);
      if (there !== undefined) return there.id;
      const chat = newChat(world, "dm", preview.name, [person(preview.name)]);
      chat.peer = preview.account;
      world.contacts.push({ ...person(preview.name), verified: false, devices: 1, dm: chat.id });
      teller.emit({ event: "contacts" });
      teller.chat(chat);
      return chat.id;
    },
    request_contact: ({ name, text }) => {
      if (name.includes("refuse")) throw new Refused("not-allowed");
      const chat = newChat(world, "dm", name, [person(name)]);
      chat.peer = person(name).account;
      chat.asked = true;
      say(world, teller, chat, { text });
      teller.chat(chat);
      return chat.id;
    },
  };
}

function newChat(world: World, kind: "dm" | "group", title: string, people: readonly Person[]): SeedChat {
  const chat: SeedChat = {
    id: idOf(`chat ${title} ${String(world.chats.length)}`, 43),
    kind,
    title,
    status: "active",
    members: [
      { person: self(world), role: "owner", devices: 1 },
      ...people.map((one) => ({
        person: one,
        role: kind === "dm" ? ("owner" as Role) : ("member" as Role),
        devices: 1,
      })),
    ],
    epoch: 1,
    unread: 0,
    mentioned: false,
    pinned: 0,
    archived: false,
    muted_until: 0,
    keyChanged: false,
    messages: [],
  };
  world.chats.push(chat);
  chat.messages.push(seedMessage(chat, { notice: { code: "created", by: "me" } }, world.now, self(world)));
  return chat;
}

function groupCalls(
  world: World,
  teller: Teller,
): Pick<
  Table,
  | "create_group"
  | "group_protected"
  | "add_members"
  | "remove_member"
  | "rename_group"
  | "set_role"
  | "leave_group"
  | "rejoin"
  | "set_timer"
  | "grow_group"
> {
  const named = (account: string): Person => answers.contactPage(world, account);
  return {
    create_group: ({ title, members }) => {
      const chat = newChat(
        world,
        "group",
        title,
        members.map((account) => ({ account, name: named(account).name })),
      );
      teller.chat(chat);
      return chat.id;
    },
    group_protected: ({ members }) => !answers.isLarge(members.map((account) => answers.contactPage(world, account))),
    add_members: ({ chat, members }) => {
      const found = findChat(world, chat);
      const people = members.map((account) => ({ account, name: named(account).name }));
      const devices = found.members.reduce((sum, one) => sum + one.devices, people.length);
      if (devices > 128 && !answers.isLarge(found.members)) throw new Refused("group-full");
      found.members.push(...people.map((one) => ({ person: one, role: "member" as const, devices: 1 })));
      note(world, teller, found, { code: "added", whom: people.map((one) => one.name) });
    },
    remove_member: ({ chat, account }) => {
      const found = findChat(world, chat);
      const gone = found.members.find((member) => member.person.account === account);
      found.members = found.members.filter((member) => member !== gone);
      note(world, teller, found, { code: "removed", whom: gone === undefined ? [] : [gone.person.name] });
    },
    rename_group: ({ chat, title }) => {
      const found = findChat(world, chat);
      found.title = title;
      note(world, teller, found, { code: "renamed", text: title });
    },
    set_timer: ({ chat, seconds }) => {
      const found = findChat(world, chat);
      found.timer = seconds;
      note(world, teller, found, { code: "timer", text: String(seconds) });
    },
    set_role: ({ chat, account, role }) => {
      const found = findChat(world, chat);
      const member = found.members.find((one) => one.person.account === account);
      if (member === undefined) throw new Refused("not-a-member");
      member.role = role;
      note(world, teller, found, { code: "role", whom: [member.person.name], text: role });
    },
    grow_group: ({ chat }) => {
      const found = findChat(world, chat);
      found.growth = {};
      teller.chat(found);
    },
    leave_group: ({ chat }) => {
      const found = findChat(world, chat);
      found.status = "left";
      note(world, teller, found, { code: "left" });
    },
    rejoin: ({ chat }) => {
      const found = findChat(world, chat);
      found.status = "rejoining";
      teller.chat(found);
    },
  };
}

function settingsCalls(
  world: World,
  teller: Teller,
): Pick<Table, "devices" | "settings" | "set_settings" | "server_view" | "inventory" | "reconnect" | "persist"> {
  return {
    devices: () => structuredClone(world.devices),
    settings: () => ({ ...world.settings }),
    set_settings: (change) => {
      Object.assign(world.settings, change);
      teller.emit({ event: "settings" });
      return { ...world.settings };
    },
    server_view: ({ chat, id }) => {
      const found = findChat(world, chat);
      return answers.serverView(world, found, findMessage(found, id));
    },
    inventory: (): Inventory => {
      const known = { ...INVENTORY, persisted: world.health.persisted };
      return isConnected(world.connection) ? known : { ...known, server: [], server_error: "unreachable" };
    },
    reconnect: () => {
      Object.assign(world.connection, { state: "trying", trying: 3, since: NOW });
      teller.status();
    },
    persist: () => {
      world.health.persisted = !world.health.memory_only;
      teller.status();
      return world.health.persisted;
    },
  };
}

function reachCalls(
  world: World,
  teller: Teller,
): Pick<Table, "preview_bridges" | "add_bridges" | "share_bridges" | "remove_bridges"> {
  let left = 2;
  return {
    preview_bridges: ({ text }) => answers.bridgesPreview(text),
    add_bridges: ({ text }) => {
      const { hosts, ours } = answers.bridgesPreview(text);
      if (!ours) throw new Refused("not-this-server");
      Object.assign(world.connection, {
        bridges: hosts.length,
        state: "trying",
        trying: hosts.length,
        since: world.now,
      });
      teller.status();
      return { added: hosts.length };
    },
    share_bridges: () => {
      if (!isConnected(world.connection)) throw new Refused("unreachable");
      if (left === 0) throw new Refused("quota");
      left -= 1;
      return { link: `https://home.example/b#${idOf(`bridges ${String(left)}`, 214)}`, left };
    },
    remove_bridges: () => {
      const routes = world.connection.routes.filter((route) => !route.own || route.chosen);
      Object.assign(world.connection, { bridges: 0, routes });
      teller.status();
    },
  };
}
