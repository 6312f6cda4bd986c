/**
 * The mailbox: each message once, in order, stored before it is acknowledged (service.md 4, web.md 5).
 * Twin of zajil.client.core.sync.
 *
 * Everything here runs inside one step; the shell acknowledges `last_seq` only after the step is durable.
 */
import * as cbor from "../../protocol/cbor.ts";
import type { CommitAad } from "../../protocol/chat/aad.ts";
import { ZajilError } from "../../protocol/errors.ts";
import { Kind, type Msg, type Ready } from "../../protocol/frames.ts";
import { clientId } from "../../protocol/ids.ts";
import { DecodeError, Invalid, MlsError, PastEpoch, UnusableGeneration, type Staged } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Held, Id, Item } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as commits from "./commits.ts";
import * as joining from "./joining.ts";
import * as judge from "./judge.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";
import * as contents from "./talk/contents.ts";
import { note } from "./talk/notices.ts";

export const HELD_MAX = 256;

/** The answer to a HELLO. An ack above our own last_seq proves an old backup or a copy in use (mls.md 7.10). */
export async function takeReady(step: Step, ready: Ready): Promise<void> {
  let session = await step.session();
  if (ready.acked > session.last_seq && session.adopt_ack) {
    session = await step.changeSession({ last_seq: ready.acked });
  } else if (ready.acked > session.last_seq) {
    await step.changeSession({ rolled_back: true });
    step.event("old-copy");
    return;
  }
  await step.changeSession({ readies: session.readies + 1, adopt_ack: false });
  const own = await accounts.known(step, step.profile.account_id);
  if (ready.list_seq > own.list_seq) await accounts.change(step, own.account_id, { wanted_seq: ready.list_seq });
}

/** Apply a batch in seq order; the highest seq stored, to be acknowledged after the step. */
export async function takeMessages(step: Step, batch: readonly Msg[]): Promise<number> {
  const session = await step.session();
  let last = session.last_seq;
  if (session.rolled_back) return last;
  for (const message of batch) {
    if (message.seq <= last) continue;
    last = message.seq;
    const gid = message.gid === null ? "" : rows.idOf(message.gid);
    const { seq, kind, epoch, ts: at, body } = message;
    await take(step, { id: rows.idOf(message.id), seq, kind, gid, epoch, at, body });
    if (gid !== "") await settleHeld(step, gid);
  }
  await step.changeSession({ last_seq: last });
  return last;
}

/** Everything up to this DRAINED is applied: judge what waited for it (mls.md 7.6). */
export async function takeDrained(step: Step): Promise<void> {
  const session = await step.session();
  if (session.drained >= session.hellos) return;
  await step.changeSession({ drained: session.hellos });
  for (const [n, item] of await rows.items(step.tx)) {
    if (item.wait > session.hellos) continue;
    if (item.state === "waiting") {
      await judgeWaiting(step, n, item);
    } else if (item.state === "accepted") {
      await readd.ask(step, item.gid, "gap");
    } else if (item.state === "queued" && item.wait > 0) {
      await outbox.changeItem(step, n, item, { wait: 0 });
      await judgePatience(step, item);
    }
  }
  await takeWaited(step);
}

/** What is held waited in vain, for a drain or too long on a standing connection: the commits before it are lost. */
export async function takeWaited(step: Step): Promise<void> {
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.status !== "active" || chat.asking !== null) continue;
    if ((await step.tx.rows("held", rows.bytesOf(chat.gid), { newest: 1 })).length > 0) {
      await readd.ask(step, chat.gid, "gap");
    }
  }
}

/** A refused commit after the drain: its epoch is still open, so the same bytes go again; or it has ended. */
async function judgeWaiting(step: Step, n: number, item: Item): Promise<void> {
  const chat = await step.chat(item.gid);
  const staged = await step.findStaged(item.gid);
  if (chat.status === "active" && staged !== undefined && chat.epoch === item.epoch) {
    await outbox.changeItem(step, n, item, { state: "sealed", wait: 0 });
    await judgePatience(step, item);
  } else {
    await outbox.requeue(step, n, item);
  }
}

/** The epoch did not move although the server refuses it: we have lost the group's thread. */
async function judgePatience(step: Step, item: Item): Promise<void> {
  const chat = await step.chat(item.gid);
  if (chat.status !== "active" || chat.epoch !== item.refused_epoch) return;
  const lost = item.reason === "bad-group-token" || item.reason === "bad-roster-key";
  if (lost || item.refusals >= outbox.PATIENCE) await readd.ask(step, item.gid, "refused");
}

/** Apply held messages whose epoch has come. */
export async function settleHeld(step: Step, gid: Id): Promise<void> {
  for (;;) {
    const chat = await rows.findChat(step.tx, gid);
    if (chat?.status !== "active") return;
    const all = await step.tx.rows("held", rows.bytesOf(gid));
    const due = all
      .map(([n, data]) => [n, rows.parseRow<Held>(data)] as const)
      .find(([, held]) => held.epoch <= chat.epoch);
    if (due === undefined) return;
    await step.tx.remove("held", due[0]);
    await take(step, due[1]);
  }
}

async function take(step: Step, message: Held): Promise<void> {
  const { kind, gid, epoch, body } = message;
  if (kind === Kind.NOTICE) return takeNotice(step, body);
  const digest = messages.bodyHash(body);
  const echo = await outbox.findSealing(step, digest);
  const own = await outbox.findEcho(step, digest);
  if (own !== undefined) await messages.attachWire(step, own, messages.wireOf(message));
  if (echo !== undefined && echo[1].kind === "message") return outbox.markSent(step, ...echo);
  if (echo !== undefined && echo[1].kind === "commit") {
    // Bytes that lost their epoch: whoever brings them now lies, and the intent still waits.
    if (echo[1].state === "queued" || echo[1].hashes.at(-1) !== rows.idOf(digest)) return;
    if ((await commits.applyEcho(step, ...echo)) !== undefined) await messages.ensureProfile(step, gid);
    return;
  }
  if (own !== undefined) return;
  if (kind === Kind.WELCOME) return joining.takeWelcome(step, gid, epoch, body);
  const known = await rows.findChat(step.tx, gid);
  if (known?.status !== "active") return;
  if (epoch > known.epoch) return hold(step, message);
  if (kind !== Kind.COMMIT) return takeApplication(step, known, message);
  if (epoch === known.epoch) await takeCommit(step, known, body);
}

async function hold(step: Step, held: Held): Promise<void> {
  const owner = rows.bytesOf(held.gid);
  const count = (await step.tx.rows("held", owner)).length;
  if (count >= HELD_MAX) return readd.ask(step, held.gid, "gap");
  await step.tx.append("held", owner, step.rng(16), rows.encodeRow(held));
  if (count === 0) await step.wantedDrain();
}

interface Judged {
  readonly staged: Staged;
  readonly told: CommitAad;
}

/** A foreign commit of our epoch: verified by MLS, judged by the chat's rules, then applied. */
async function takeCommit(step: Step, chat: Chat, body: Uint8Array): Promise<void> {
  let judged = await tryJudge(step, chat, body);
  if (judged instanceof Error) {
    // Reload the state and try once more before giving the group up.
    step.forgetCached(chat.gid);
    judged = await tryJudge(step, chat, body);
  }
  if (judged instanceof Error) {
    if (!isForged(judged)) await refuse(step, chat);
    return;
  }
  const { staged, told } = judged;
  if (staged.removed.every((member) => member.leaf !== chat.own_leaf)) {
    await commits.advance(step, chat.gid, staged, told.rotate);
  } else {
    await leaveTree(step, chat, staged);
  }
}

/**
 * Whether no member made this commit: it does not open, or is another message brought again (rules F).
 *
 * It costs us nothing then. Were it the commit that the server took after all, the next epoch shows the gap.
 */
function isForged(problem: Error): boolean {
  if (problem instanceof Invalid) return problem.rule.startsWith("F");
  return (
    problem instanceof DecodeError ||
    problem instanceof UnusableGeneration ||
    problem instanceof PastEpoch ||
    problem instanceof NoCommit
  );
}

/** An application message where a commit should stand. */
class NoCommit extends judge.Vetoed {}

async function tryJudge(step: Step, chat: Chat, body: Uint8Array): Promise<Judged | Error> {
  try {
    const group = await step.loadGroup(chat.gid);
    const { event } = await group.receive(await step.env(), body);
    if (event.kind !== "staged") throw new NoCommit("no commit");
    return { staged: event, told: judge.checkCommit(chat, group, event) };
  } catch (problem) {
    if (problem instanceof MlsError || problem instanceof judge.Vetoed) return problem;
    throw problem;
  }
}

/** An accepted commit that we cannot follow ends the group for us here; the group may bring us back. */
async function refuse(step: Step, chat: Chat): Promise<void> {
  await note(step, chat.gid, "refused-change");
  step.event("refused-change", chat.gid);
  await readd.lose(step, chat.gid, "refused");
}

/** Our leaf was removed. Added again in the same commit, we wait for the Welcome and nothing fails. */
async function leaveTree(step: Step, chat: Chat, staged: Staged): Promise<void> {
  const own = rows.idOf(clientId(rows.bytesOf(step.profile.account_id), step.profile.device_id));
  await step.dropGroup(chat.gid);
  if (staged.added.some((member) => rows.idOf(member.client) === own)) {
    await step.changeChat(chat.gid, { status: "await" });
    // The Welcome stands right behind this commit; if it cannot be used, we ask.
    await readd.ask(step, chat.gid, "welcome", readd.TURN_MS);
    for (const [n, item] of await rows.items(step.tx, chat.gid)) {
      if (item.kind === "message") await outbox.requeue(step, n, item);
      else await outbox.fail(step, n, item, "chat-stuck");
    }
    return;
  }
  const left = step.profile.account_id in chat.left;
  await step.changeChat(chat.gid, { status: left ? "left" : "removed", asking: null });
  for (const [n, item] of await rows.items(step.tx, chat.gid)) await outbox.fail(step, n, item, "not-a-member");
  const by = rows.memberAt(chat, staged.committer)?.account ?? "";
  await note(step, chat.gid, left ? "left" : "you-removed", left ? { whom: [step.profile.account_id] } : { by });
  step.event(left ? "left" : "removed", chat.gid);
}

async function takeApplication(step: Step, chat: Chat, message: Held): Promise<void> {
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
    const opened = await messages.openApplication(step, chat, received.event);
    if (!(await messages.isNews(step, opened.messageId))) return;
    await contents.takeContent(step, chat, opened, messages.wireOf(message));
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
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
  if (!Array.isArray(value) || value[0] !== "device-list") return;
  const own = await accounts.known(step, step.profile.account_id);
  await accounts.change(step, own.account_id, { wanted_seq: own.list_seq + 1 });
  step.event("device-list");
}
