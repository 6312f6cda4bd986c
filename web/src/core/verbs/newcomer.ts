/**
 * What somebody without an account asks for, in the start of the worker: the server, an opened link, an account. What an
 * account lives by is several times as large; these are answered, and the server is asked, while it is on its way.
 */
import type { Arguments, InvitePreview, Me } from "../api.ts";
import type * as control from "../../protocol/control.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { type ContactLink, parseContactLink } from "../../protocol/identity/links.ts";
import { once } from "../lazy.ts";
import { loadSuite } from "../mls/suites.ts";
import { type Id, idOf } from "../state/rows.ts";
import type { Opening } from "./account.ts";
import type { Handlers, Host } from "./handlers.ts";
import { fetchConfig } from "./remote.ts";

type Names = "server_info" | "preview_invite" | "prepare_account" | "create_account" | "stop_work";

const GATES = ["work", "both", "open"] as const;

/** The calls of the first screens. */
export function newcomerVerbs(host: Host, opening: Opening): Handlers<Names> {
  const code = once(
    () => import("./lazy/signup.ts"),
    ({ signUp }) => signUp,
  );
  const load = async () => (await Promise.all([code(), loadSuite()]))[0];
  let creating: Promise<Me> | undefined;
  let stop = new AbortController();

  async function create({ name, invite = "" }: Arguments<"create_account">): Promise<Me> {
    const link = invite.trim() === "" ? undefined : readInvite(host, invite);
    const [signUp, config] = await Promise.all([load(), ask(host, link)]);
    return signUp(host, opening, { name, link, config, stop: stop.signal });
  }

  return {
    async server_info() {
      const { server_name, registration, public_space } = await fetchConfig(host);
      return { server_name, public_space, registration: GATES.find((one) => one === registration) ?? "invite" };
    },
    preview_invite: ({ text }) => previewInvite(host, text),
    async prepare_account() {
      await load();
    },
    create_account(args) {
      // Two presses make one account.
      if (creating === undefined) stop = new AbortController();
      creating ??= create(args).finally(() => (creating = undefined));
      return creating;
    },
    stop_work: () => Promise.resolve(stop.abort()),
  };
}

/** What the server says of itself. By then its documents are known, too, for what is to be sealed from then on. */
async function ask(host: Host, link: ContactLink | undefined): Promise<control.Config> {
  const bridges = link?.bridges ?? null;
  if (bridges) await (await loadReach()).keepFirstBridges(host, bridges);
  const learning = loadReach().then(({ learnServer }) => learnServer(host, bridges));
  return (await Promise.all([fetchConfig(host), learning]))[0];
}

const loadReach = once(
  () => import("./reach.ts"),
  (reach) => reach,
);

const loadRelation = once(
  () => import("./people.ts"),
  ({ relationTo }) => relationTo,
);

/** A pasted or opened invite, with or without an account behind it. Throws `bad-link`, `link-expired`. */
function readInvite(host: Host, text: string): ContactLink {
  const link = parseContactLink(text);
  if (link.expires <= host.now() / 1000) throw error("link-expired");
  return link;
}

async function previewInvite(host: Host, text: string): Promise<InvitePreview> {
  const link = parseContactLink(text);
  if (link.bridges) await (await loadReach()).keepFirstBridges(host, link.bridges);
  const account = link.account_id === null ? undefined : idOf(link.account_id);
  return {
    server_name: link.server_name,
    ...(link.name === null ? {} : { name: link.name }),
    ...(account === undefined ? {} : { account }),
    asks: account !== undefined && link.contact_token === null,
    code: link.code !== null,
    expires_at: link.expires * 1000,
    expired: link.expires <= host.now() / 1000,
    bridges: link.bridges?.bridges.map(([name]) => name) ?? [],
    known: account === undefined ? "no" : await knownAs(host, account),
  };
}

/** What we are to an account, if there is one of ours. */
async function knownAs(host: Host, account: Id): Promise<InvitePreview["known"]> {
  try {
    host.core();
  } catch (problem) {
    if (problem instanceof ZajilError && problem.code === "no-home") return "no";
    throw problem;
  }
  return (await loadRelation())(host, account);
}
