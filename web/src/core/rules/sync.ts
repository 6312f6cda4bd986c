/**
 * The mailbox: each message once, in order, stored before it is acknowledged (service.md 4, web.md 5).
 * Twin of zajil.client.core.sync.
 *
 * What becomes of a message is decided by `protocol/mailbox/intake`; here it is carried out, inside one step. The shell
 * acknowledges `last_seq` only after the step is durable.
 */
import { encodeHex, parseHex } from "../../protocol/bytes.ts";
import * as cbor from "../../protocol/cbor.ts";
import type { CommitAad } from "../../protocol/chat/aad.ts";
import { Unreachable, ZajilError } from "../../protocol/errors.ts";
import { Kind, type Msg, type Ready } from "../../protocol/frames.ts";
import { clientId } from "../../protocol/ids.ts";
import { HEAD_JUMP } from "../../protocol/limits.ts";
import * as intake from "../../protocol/mailbox/intake.ts";
import {
  DecodeError,
  FutureEpoch,
  Invalid,
  MlsError,
  OwnMessage,
  PastEpoch,
  UnusableGeneration,
  type Staged,
} from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as ownlists from "../state/ownlists.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Held, Id, Item } from "../state/rows.ts";
import type { News, Step } from "../state/step.ts";
import * as commits from "./commits.ts";
import * as contact from "./contact/contact.ts";
import * as groups from "./groups.ts";
import { isForged, isStuck, noteForged } from "./heirs/ending.ts";
import { heirs } from "./heirs/loading.ts";
import { noteBehind } from "./heirs/returning.ts";
import * as joining from "./joining.ts";
import * as judge from "./judge.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";
import * as contents from "./talk/contents.ts";
import { note } from "./talk/notices.ts";

const KINDS: Readonly<Record<number, intake.EntryKind>> = {
  [Kind.COMMIT]: "commit",
  [Kind.APP]: "application",
  [Kind.WELCOME]: "welcome",
  [Kind.NOTICE]: "notice",
};

const kindOf = (message: Held): intake.EntryKind => KINDS[message.kind] ?? "application";
/** The machine names groups in hex. */
const hexOf = (gid: Id): string => encodeHex(rows.bytesOf(gid));
const gidOf = (hex: string): Id => rows.idOf(parseHex(hex));

/** A HELLO goes out now: the highest seq stored. */
export async function beginHello(step: Step): Promise<number> {
  const [state] = intake.step(await load(step), { type: "hello" }, step.now);
  await save(step, state);
  return state.stored;
}

/** The answer to a HELLO. An ack above our own last_seq proves an old backup or a copy in use (mls.md 7.10). */
export async function takeReady(step: Step, ready: Ready): Promise<void> {
  const [state, actions] = intake.step(await load(step), { type: "ready", acked: ready.acked }, step.now);
  await save(step, state);
  if (actions.some((action) => action.type === "alarm")) {
    step.event("old-copy");
    return;
  }
  const own = await accounts.known(step, step.profile.account_id);
  // As after a restore of the server: until it has ours again, devices that we ended may log in.
  const list_lost = ready.list_seq < own.list_seq;
  const { readies, head = NaN } = await step.session();
  // It went back: it numbers on from less, or from the clock (docs/operate/backup.md).
  if (ready.head < head || ready.head >= head + HEAD_JUMP)
    await (await import("../strangers/again.ts")).tellAgain(step);
  await step.changeSession({ readies: readies + 1, head: ready.head, list_lost });
  if (ready.list_seq > own.list_seq || (await ownlists.load(step)).length < own.list_seq)
    await accounts.change(step, own.account_id, { wanted_seq: own.list_seq + 1 });
}

/** Apply a batch in seq order; the highest seq stored, to be acknowledged after the step. */
export async function takeMessages(step: Step, batch: readonly Msg[]): Promise<number> {
  let state = await load(step);
  for (const { id, seq, kind, gid, epoch, ts: at, body, frank, via } of batch) {
    const group = gid === null ? "" : rows.idOf(gid);
    const mark = frank === null ? {} : { frank };
    const message: Held = { id: rows.idOf(id), seq, kind, gid: group, epoch, at, body, ...mark };
    const own = await findOwn(step, body);
    const entry = { type: "entry", seq, kind: kindOf(message), gid: hexOf(message.gid), epoch, own } as const;
    const [next, actions] = intake.step({ ...state, groups: await findGroup(step, message.gid) }, entry, step.now);
    state = next;
    for (const action of actions) await carryOut(step, message, action, via);
    if (message.gid === "") continue;
    await settleHeld(step, message.gid);
    await contact.watchDoor(step, message.gid, via);
  }
  await save(step, state);
  return state.stored;
}

/** Everything up to this DRAINED is applied: judge what waited for it (mls.md 7.6). */
export async function takeDrained(step: Step): Promise<void> {
  const before = { ...(await load(step)), groups: await findHolding(step) };
  const [state, actions] = intake.step(before, { type: "drained" }, step.now);
  await save(step, state);
  await askAll(step, actions);
}

/** What is held waited too long on a standing connection. */
export async function takeWaited(step: Step): Promise<void> {
  const before = { ...(await load(step)), groups: await findHolding(step) };
  await askAll(step, intake.step(before, { type: "waited" }, step.now)[1]);
}

async function askAll(step: Step, actions: readonly intake.Action[]): Promise<void> {
  for (const action of actions) {
    if (action.type === "settle") {
      for (const [n, item] of await rows.items(step.tx)) await settleItem(step, n, item, action.drained);
    } else if (action.type === "readd") {
      await askAfterGap(step, gidOf(action.gid));
    }
  }
}

/** The group is in a later epoch. Where no commit led there, nobody can bring anybody back: it is stuck. */
async function askAfterGap(step: Step, gid: Id): Promise<void> {
  const chat = await step.chat(gid);
  if (chat.request === "incoming") return contact.end(step, gid);
  if (chat.asking === null && chat.heir === null && chat.request === "" && (await isForged(step, chat))) {
    await note(step, gid, "refused-change");
    step.event("refused-change", gid);
    await readd.ask(step, gid, "refused");
    return (await heirs()).schedule(step, gid);
  }
  if (chat.asking === null) await note(step, gid, "gap");
  await readd.ask(step, gid, "gap");
}

/** Tell an item that this drain ended. Where the server refuses our epoch for good, we ask to be re-added. */
async function settleItem(step: Step, n: number, item: Item, drained: number): Promise<void> {
  if (item.wait === 0) return;
  const { status, epoch, heir } = await step.chat(item.gid);
  const staged = item.state === "waiting" && (await step.findStaged(item.gid)) !== undefined;
  const told = { type: "drained", drained, active: status === "active", epoch, staged } as const;
  for (const left of (await outbox.run(step, n, item, told)).left) {
    if (left.type !== "readd") continue;
    if (heir !== null && item.kind === "commit") {
      await outbox.finish(step, n, item); // it was of use in the group of before alone
      continue;
    }
    await readd.ask(step, item.gid, left.reason);
    // Whoever committed last gave the server a false token, or the group is gone there.
    if (isStuck(await step.chat(item.gid))) await (await heirs()).schedule(step, item.gid);
  }
}

/** Apply held messages whose epoch has come. */
export async function settleHeld(step: Step, gid: Id): Promise<void> {
  for (;;) {
    const chat = await rows.findChat(step.tx, gid);
    const held = await step.tx.rows("held", rows.bytesOf(gid));
    if (chat === undefined || held.length === 0) return;
    const name = hexOf(gid);
    const group = { active: false, epoch: 0, held: held.length, asking: false };
    const moved = { type: "moved", gid: name, active: chat.status === "active", epoch: chat.epoch } as const;
    const [state, actions] = intake.step({ ...intake.EMPTY, groups: { [name]: group } }, moved, step.now);
    const parsed = held.map(([n, data]) => [n, rows.parseRow<Held>(data)] as const);
    const due = parsed.find(([, message]) => message.epoch <= chat.epoch);
    if (actions.length === 0 || due === undefined) return;
    const [n, message] = due;
    await step.tx.remove("held", n);
    const own = await findOwn(step, message.body);
    const again = { type: "again", kind: kindOf(message), gid: name, epoch: message.epoch, own } as const;
    for (const action of intake.step(state, again, step.now)[1]) await carryOut(step, message, action);
  }
}

async function load(step: Step): Promise<intake.Intake> {
  const session = await step.session();
  return {
    stored: session.last_seq,
    hellos: session.hellos,
    drained: session.drained,
    wanted: session.wanted,
    locked: session.rolled_back,
    adopt: session.adopt_ack,
    groups: {},
  };
}

/** Write what the machine decides of the session row; a drain may have been asked for besides. */
async function save(step: Step, state: intake.Intake): Promise<void> {
  await step.changeSession({
    last_seq: state.stored,
    hellos: state.hellos,
    drained: state.drained,
    wanted: Math.max(state.wanted, (await step.session()).wanted),
    rolled_back: state.locked,
    adopt_ack: state.adopt,
  });
}

/** The group of a message as the machine sees it; none where we hold none. */
async function findGroup(step: Step, gid: Id): Promise<Record<string, intake.Group>> {
  const chat = gid === "" ? undefined : await rows.findChat(step.tx, gid);
  if (chat === undefined) return {};
  const held = (await step.tx.rows("held", rows.bytesOf(gid))).length;
  return { [hexOf(gid)]: { active: chat.status === "active", epoch: chat.epoch, held, asking: chat.asking !== null } };
}

/** The groups of which messages are held. */
async function findHolding(step: Step): Promise<Record<string, intake.Group>> {
  const found: Record<string, intake.Group> = {};
  if ((await step.tx.count("held")) === 0) return found;
  for (const chat of await rows.allChats(step.tx)) Object.assign(found, await findGroup(step, chat.gid));
  return found;
}

/** Which of our own sealings this is, by H(body). */
async function findOwn(step: Step, body: Uint8Array): Promise<intake.Own> {
  const digest = messages.bodyHash(body);
  const found = await outbox.findSealing(step, digest);
  // A text whose OK came before its echo is done; its echo is still ours.
  if (found === undefined) return (await outbox.findEcho(step, digest)) === undefined ? "none" : "message";
  const item = found[1];
  if (item.kind === "message") return "message";
  return item.state === "queued" || item.hashes.at(-1) !== rows.idOf(digest) ? "lost-commit" : "commit";
}

async function carryOut(step: Step, message: Held, action: intake.Action, via?: Via): Promise<void> {
  if (action.type === "take") {
    await take(step, message, action.what, via);
  } else if (action.type === "hold") {
    await step.tx.append("held", rows.bytesOf(message.gid), step.rng(16), rows.encodeRow(message));
  } else if (action.type === "readd") {
    await askAfterGap(step, message.gid);
  } else if (action.type === "drop" && action.cause === "past-commit") {
    await noteBehind(step, await step.chat(message.gid));
  }
}

/** Serial of the reference through which a message came. */
type Via = Msg["via"];
type What = Extract<intake.Action, { type: "take" }>["what"];

async function take(step: Step, message: Held, what: What, via: Via | undefined): Promise<void> {
  const { gid, epoch, body } = message;
  switch (what) {
    case "notice":
      return takeNotice(step, body);
    case "echo":
    case "own-commit":
      return takeEcho(step, message);
    case "welcome":
      return joining.takeWelcome(step, gid, epoch, body, via);
    case "commit":
      return takeCommit(step, await step.chat(gid), body);
    case "application":
      return takeApplication(step, await step.chat(gid), message);
  }
}

/** One of our own came through the mailbox: that is its acceptance. */
async function takeEcho(step: Step, message: Held): Promise<void> {
  const digest = messages.bodyHash(message.body);
  const text = await outbox.findEcho(step, digest);
  if (text !== undefined) await messages.attachWire(step, text, messages.wireOf(message));
  const found = await outbox.findSealing(step, digest);
  if (found === undefined) return;
  const [n, item] = found;
  if (item.kind === "message") {
    await outbox.run(step, n, item, { type: "echo", newest: item.hashes.at(-1) === rows.idOf(digest) });
    return;
  }
  const chat = await commits.applyEcho(step, n, item);
  if (chat === undefined) return;
  if (chat.forebear !== "" && chat.quiet) await (await heirs()).settleMade(step, chat);
  await messages.ensureProfile(step, message.gid);
}

interface Judged {
  readonly staged: Staged;
  readonly told: CommitAad;
}

/**
 * A foreign commit of our epoch: verified by MLS, judged by the chat's rules, then applied.
 *
 * In a group whose place another one took it changes nothing that people see: it is followed to read on what those say
 * who did not hear of that yet.
 */
async function takeCommit(step: Step, chat: Chat, body: Uint8Array): Promise<void> {
  let judged = await tryJudge(step, chat, body);
  if (judged instanceof Error) {
    // Reload the state and try once more before giving the group up.
    step.forgetCached(chat.gid);
    judged = await tryJudge(step, chat, body);
  }
  if (judged instanceof Error) {
    if (isNoCommit(judged)) await noteForged(step, chat);
    else if (chat.heir === null) await refuse(step, chat, judged.signer);
    return;
  }
  const { staged, told } = judged;
  if (staged.removed.every((member) => member.leaf !== chat.own_leaf)) {
    await commits.advance(step, chat.gid, staged, told.rotate);
    const by = rows.memberAt(chat, staged.committer);
    if (by !== undefined && chat.request !== "" && judge.replacesOwn(told, staged.committer)) {
      await contact.noteReplaced(step, chat, by.account);
      await joining.mergeDms(step, chat.peer);
    }
  } else if (chat.heir === null) {
    await leaveTree(step, chat, staged);
  }
}

/**
 * Whether no member made this commit: it does not open, is another message or our own brought again (rules F).
 *
 * It costs us nothing then. Were it the commit that the server took after all, the next epoch shows it.
 */
function isNoCommit(problem: Error): boolean {
  if (problem instanceof Invalid) return problem.rule.startsWith("F");
  return (
    problem instanceof DecodeError ||
    problem instanceof UnusableGeneration ||
    problem instanceof PastEpoch ||
    problem instanceof FutureEpoch ||
    problem instanceof OwnMessage ||
    problem instanceof NoCommit
  );
}

/** An application message where a commit should stand. */
class NoCommit extends judge.Vetoed {}

async function tryJudge(step: Step, chat: Chat, body: Uint8Array): Promise<Judged | MlsError | judge.Vetoed> {
  let committer: number | undefined;
  try {
    const group = await step.loadGroup(chat.gid);
    const { event } = await group.receive(await step.env(), body);
    if (event.kind !== "staged") throw new NoCommit("no commit");
    committer = event.committer;
    return { staged: event, told: judge.checkCommit(chat, group, event) };
  } catch (problem) {
    if (problem instanceof judge.Vetoed) problem.signer = committer;
    else if (!(problem instanceof MlsError)) throw problem;
    return problem;
  }
}

/**
 * An accepted commit that we cannot follow ends the group for us here; the group may bring us back.
 *
 * signer: leaf whose signature over it verified.
 */
async function refuse(step: Step, chat: Chat, signer: number | undefined): Promise<void> {
  if (chat.request === "incoming") return contact.end(step, chat.gid);
  await note(step, chat.gid, "refused-change");
  step.event("refused-change", chat.gid);
  await readd.lose(step, chat.gid, "refused", rows.memberAt(chat, signer ?? -1)?.account);
  await (await heirs()).schedule(step, chat.gid);
}

/** Our leaf was removed. Added again in the same commit, we wait for the Welcome and nothing fails. */
async function leaveTree(step: Step, chat: Chat, staged: Staged): Promise<void> {
  const own = rows.idOf(clientId(rows.bytesOf(step.profile.account_id), step.profile.device_id));
  await step.changeChat(chat.gid, { passed: await groups.passedOf(step, chat) });
  await step.dropGroup(chat.gid);
  if (staged.added.some((member) => rows.idOf(member.client) === own)) {
    await step.changeChat(chat.gid, { status: "await" });
    // The Welcome stands right behind this commit; if it cannot be used, we ask.
    await readd.ask(step, chat.gid, "welcome", readd.TURN_MS);
    for (const [n, item] of await rows.items(step.tx, chat.gid)) {
      await outbox.run(step, n, item, { type: "await" });
    }
    return;
  }
  const left = step.profile.account_id in chat.left;
  await step.changeChat(chat.gid, { status: left ? "left" : "removed", asking: null });
  for (const [n, item] of await rows.items(step.tx, chat.gid)) await outbox.run(step, n, item, { type: "removed" });
  const by = rows.memberAt(chat, staged.committer)?.account ?? "";
  await note(step, chat.gid, left ? "left" : "you-removed", left ? { whom: [step.profile.account_id] } : { by });
  step.event(left ? "left" : "removed", chat.gid);
}

async function takeApplication(step: Step, chat: Chat, message: Held): Promise<void> {
  if (message.epoch < chat.epoch) await noteBehind(step, chat);
  let received;
  try {
    received = await (await step.loadGroup(chat.gid)).receive(await step.env(), message.body);
  } catch (problem) {
    // Replays, our own echoes, keys from before our join: nothing to show, and the state did not move.
    if (problem instanceof MlsError) return;
    throw problem;
  }
  // A commit under an application's kind: the server mislabelled it, and its echo in place will come.
  if (received.event.kind !== "application") return;
  await step.saveGroup(chat.gid, received.group);
  try {
    const mark = { ts: message.at, frank: message.frank ?? new Uint8Array() };
    const opened = await messages.openApplication(step, chat, received.event, mark);
    if (!(await messages.isNews(step, opened.messageId))) return;
    await contents.takeContent(step, chat, opened, messages.wireOf(message));
  } catch (problem) {
    // Code of ours that does not load is no fault of the message: the step ends, and it comes again.
    if (!(problem instanceof ZajilError) || problem instanceof Unreachable) throw problem;
    step.event("bad-message", chat.gid);
  }
}

/** CBOR `[name, map]` of the server. A new device list of ours is fetched; others are for people. */
async function takeNotice(step: Step, body: Uint8Array): Promise<void> {
  let value: cbor.Parsed;
  try {
    value = cbor.parse(body);
  } catch (problem) {
    if (problem instanceof ZajilError) return;
    throw problem;
  }
  if (!Array.isArray(value)) return;
  const [name, fields] = value;
  if (fields instanceof Map) {
    const word = name === "report-outcome" ? "outcome" : name === "account-measure" ? "action" : "";
    const news = NEWS.get(fields.get(word));
    if (news !== undefined) return tellNews(step, news, fields.get("id"));
  }
  if (name !== "device-list") return;
  const own = await accounts.known(step, step.profile.account_id);
  await accounts.change(step, own.account_id, { wanted_seq: own.list_seq + 1 });
  step.event("device-list");
}

/** What the moderators say by a notice, the outcome of a report or a measure against this account: by its word. */
const NEWS = new Map<cbor.Parsed | undefined, News>([
  ["acted", "report-acted"],
  ["not-acted", "report-not-acted"],
  ["warn", "account-warned"],
  ["suspend", "account-suspended"],
  ["undone", "measure-undone"],
]);
const NOTICE_ID_BYTES = 16;

/** Told at once, and kept as a line among one's own notes: whoever was not looking finds it there. */
async function tellNews(step: Step, news: News, id: cbor.Parsed | undefined): Promise<void> {
  // A server that died before it noted that it had told it tells it again. Ids of messages are longer: it hides none.
  const known = id instanceof Uint8Array && id.length === NOTICE_ID_BYTES;
  if (known && !(await messages.isNews(step, rows.idOf(id)))) return;
  step.event(news);
  const own = (await rows.allChats(step.tx)).find((chat) => chat.kind === groups.SELF && chat.merged === "");
  if (own !== undefined) await note(step, own.gid, news);
}
