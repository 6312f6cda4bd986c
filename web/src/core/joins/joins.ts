/** What the calls of view.ts do, and what came is worked off by: a chunk of its own. */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeB64 } from "../../protocol/ids.ts";
import { DROP_CONTACT_TOKEN } from "../../protocol/control.ts";
import { encodeGroupLink, parseGroupLink } from "../../protocol/identity/grouplinks.ts";
import { PERMISSIONS } from "../../protocol/chat/extensions.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { randomBytes } from "../crypto.ts";
import * as chats from "../rules/chats.ts";
import * as groups from "../rules/groups.ts";
import { placeOf } from "../rules/talk/places.ts";
import * as accounts from "../state/accounts.ts";
import { noteLinks } from "../state/doors.ts";
import { changeJoins, loadJoins, type OwnLink } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { fetchLists, putContactToken } from "../verbs/remote.ts";
import * as asking from "./asking.ts";
import * as requests from "./requests.ts";
import type { GroupLinkPreview, GroupLinkView, JoinCalls, JoinRequestView, JoinView, Perms } from "./view.ts";

const LINK_USES = 100;
const LONGEST_S = 365 * 86_400;

/** The links into groups of one leading device. */
export class Joiner {
  readonly #host: Host;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(host: Host) {
    this.#host = host;
  }

  readonly verbs: Handlers<keyof JoinCalls> = {
    set_permissions: ({ chat, perms }) => this.#change("permissions", (step) => setPermissions(step, chat, perms)),
    group_links: ({ chat }) => this.#host.core().look((look) => linksOf(look, chat, this.#host.server)),
    make_group_link: (a) => this.#makeLink(a),
    revoke_group_link: ({ chat, id }) => this.#revoke(chat, id),
    join_requests: ({ chat }) => this.#host.core().look((look) => requestsOf(look, chat)),
    answer_join: ({ chat, account, accept }) =>
      this.#change("answer-join", (step) =>
        accept ? requests.accept(step, chat, account) : requests.decline(step, chat, account),
      ),
    preview_group_link: ({ text }) => previewLink(this.#host, text),
    ask_to_join: ({ link }) => this.#ask(link),
    joins: async () => {
      await this.#host.core().step("joins", workOff);
      return this.#host.core().look(joinsOf);
    },
    forget_join: ({ group }) => this.#change("forget-join", (step) => asking.forget(step, group)),
  };

  /** Work off what came, let in who is due, forget what is over. */
  async work(): Promise<void> {
    const next = await this.#host.core().step("joins", workOff);
    this.#host.wake();
    this.#host.emit({ event: "joins" });
    clearTimeout(this.#timer);
    if (next > 0 && !this.#closed)
      this.#timer = setTimeout(() => void this.work().catch(() => undefined), Math.max(0, next - this.#host.now()));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #change(name: string, work: (step: Step) => Promise<unknown>): Promise<void> {
    await this.#host.core().step(name, work);
    this.#host.wake();
    this.#host.emit({ event: "joins" });
  }

  async #makeLink({ chat, auto, seconds }: Parameters<JoinCalls["make_group_link"]>[0]): Promise<GroupLinkView> {
    const host = this.#host;
    if (!(seconds > 0 && seconds <= LONGEST_S)) throw error("malformed", "seconds");
    await host.core().look((look) => requests.checkMayLink(look, chat));
    const token = randomBytes(32);
    const expires = Math.floor(host.now() / 1000 + seconds);
    await putContactToken(host, sha256(token), { kind: "invite", uses: LINK_USES, expires });
    const view = await host.core().step("group-link", async (step) => {
      const link = await requests.makeLink(step, chat, { token, auto, expires });
      await noteLinks(step.tx, [{ hash: encodeB64(sha256(token)), uses: LINK_USES, expires }], step.now);
      return { id: link.invite_id, auto, expires_at: expires * 1000, url: urlOf(step, link, host.server) };
    });
    host.wake();
    host.emit({ event: "joins" });
    return view;
  }

  async #revoke(chat: Id, id: Id): Promise<void> {
    const host = this.#host;
    let own: OwnLink | undefined;
    await this.#change("revoke-link", async (step) => {
      const link = (own = await requests.revoke(step, chat, id));
      if (link) await noteLinks(step.tx, [{ ...link, hash: encodeB64(sha256(link.token)), uses: 0 }], step.now);
    });
    if (own === undefined) return;
    try {
      const auth = await host.tokens().auth();
      await host.calls.call(DROP_CONTACT_TOKEN, { auth, parameters: { hash: encodeB64(sha256(own.token)) } });
    } catch (problem) {
      // Gone already, or out of reach: it ends by itself, and the group refuses whoever asks by it from now on.
      if (!(problem instanceof ZajilError)) throw problem;
    }
  }

  async #ask(text: string): Promise<void> {
    const host = this.#host;
    const link = parseGroupLink(text);
    await host.core().look((look) => asking.checkLink(look, link));
    const approver = rows.idOf(link.approver);
    const lists = await fetchLists(host, approver, link.contact_token);
    await this.#change("join", async (step) => {
      await accounts.learnChain(step, approver, lists);
      await asking.ask(step, link);
    });
  }
}

/** Unix ms at which there is something to do again, 0 where nothing is known to come. */
export async function workOff(step: Step): Promise<number> {
  const { inbox } = await loadJoins(step.tx);
  if (inbox.length > 0) await changeJoins(step.tx, { inbox: [] });
  for (const { dm: gid, account, part } of inbox) {
    const dm = await rows.findChat(step.tx, gid);
    const own = account === step.profile.account_id;
    if (dm === undefined) continue;
    if (part.op === "join-request") await requests.takeRequest(step, dm, account, part);
    else if (own) await requests.takeOwnAnswer(step, part);
    else await asking.takeAnswer(step, account, part);
  }
  await requests.admitDue(step);
  await requests.settleWaiting(step);
  await asking.settleAsked(step);
  const due = (await loadJoins(step.tx)).waiting.map((one) => one.due).filter((at) => at > 0);
  return due.length > 0 ? Math.min(...due) : 0;
}

async function setPermissions(step: Step, gid: Id, wanted: Partial<Perms>): Promise<void> {
  const chat = await chats.checkGroup(step, gid);
  if (groups.roleOf(chat, step.profile.account_id) < groups.ADMIN) throw error("not-permitted");
  const perms: Record<string, number> = {};
  for (const name of PERMISSIONS)
    if (wanted[name] !== undefined && Number(wanted[name]) !== chat.perms[name]) perms[name] = Number(wanted[name]);
  if (Object.keys(perms).length > 0) await chats.submitSettings(step, chat.gid, rows.makeIntent("settings", { perms }));
}

async function linksOf(look: Look, gid: Id, front: string): Promise<GroupLinkView[]> {
  const chat = await chats.checkGroup(look, gid);
  const { links } = await loadJoins(look.tx);
  return chat.invites
    .filter(({ expires }) => expires > look.now / 1000)
    .map(({ id, policy, expires }) => {
      const own = links.find((one) => one.invite_id === id);
      const view = { id, auto: policy === 1, expires_at: expires * 1000 };
      return own === undefined ? view : { ...view, url: urlOf(look, own, front) };
    });
}

/** The link as it is given out. */
export function urlOf({ profile }: Look, link: OwnLink, front: string): string {
  return encodeGroupLink({
    server_name: profile.server_name,
    gid: rows.bytesOf(link.gid),
    invite_id: rows.bytesOf(link.invite_id),
    approver: rows.bytesOf(profile.account_id),
    contact_token: link.token,
    expires: link.expires,
    name: link.title,
    front,
  });
}

async function requestsOf(look: Look, gid: Id): Promise<JoinRequestView[]> {
  const chat = await rows.loadChat(look.tx, gid);
  const waiting = (await loadJoins(look.tx)).waiting.filter((one) => one.gid === gid);
  return Promise.all(
    waiting.map(async (one) => ({
      account: one.account,
      name: (await accounts.known(look, one.account)).name || one.name,
      at: one.at,
      removed_before: chat.put_out.includes(one.account),
      accepted: one.accepted || one.due > 0,
    })),
  );
}

async function joinsOf(look: Look): Promise<JoinView[]> {
  const { asked } = await loadJoins(look.tx);
  return Promise.all(
    asked.map(async ({ gid, title, approver, at, expires, state }) => ({
      group: gid,
      title,
      approver: (await accounts.known(look, approver)).name,
      at,
      state: state === "asked" && expires <= look.now / 1000 ? "expired" : state,
    })),
  );
}

async function previewLink(host: Host, text: string): Promise<GroupLinkPreview> {
  const link = parseGroupLink(text);
  const base = { title: link.name ?? "", expired: link.expires <= host.now() / 1000 };
  try {
    return await host.core().look(async (look) => {
      const gid = rows.idOf(link.gid);
      const asked = (await loadJoins(look.tx)).asked.find((one) => one.gid === gid);
      if (link.server_name !== look.profile.server_name) return { ...base, state: "other-server" };
      if (await asking.isIn(look, gid)) return { ...base, state: "in", chat: await placeOf(look, gid) };
      if (rows.idOf(link.approver) === look.profile.account_id) return { ...base, state: "ours" };
      return { ...base, state: asked?.state === "asked" ? "asked" : "new" };
    });
  } catch (problem) {
    if (problem instanceof ZajilError && problem.code === "no-home") return { ...base, state: "new" };
    throw problem;
  }
}
