/** Calls about people: contacts, links of others, safety numbers. */
import type { Answer, ContactPage, ContactView, InvitePreview } from "../api.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import { parseContactLink, type ContactLink } from "../../protocol/identity/links.ts";
import {
  compareCodes,
  encodeSafetyCode,
  half,
  parseSafetyCode,
  type SafetyCode,
} from "../../protocol/identity/safety.ts";
import * as chats from "../rules/chats.ts";
import { takeLink } from "../rules/contact/names.ts";
import * as groups from "../rules/groups.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Account, Id } from "../state/rows.ts";
import type { Look } from "../state/step.ts";
import type { Handlers, Host } from "./handlers.ts";
import { personOf } from "./views.ts";
import { fetchLists } from "./remote.ts";

type Names = "contacts" | "contact" | "set_verified" | "check_safety" | "add_contact";

/** Calls about people. */
export function peopleVerbs(host: Host): Handlers<Names> {
  const core = () => host.core();
  return {
    contacts: () =>
      core().look(async (look) => {
        const all = (await rows.allAccounts(look.tx)).filter(
          (a) => a.contact && a.account_id !== look.profile.account_id,
        );
        return Promise.all(all.map((account) => contactView(look, account)));
      }),
    contact: ({ account }) => core().look((look) => contactPage(look, account)),
    async set_verified({ account, verified }) {
      await core().step("verify", async (step) => {
        await accounts.setVerified(step, account, verified);
        step.event("profile");
      });
      host.wake();
    },
    check_safety: ({ account, text }) => core().look((look) => checkSafety(look, account, text)),
    async add_contact({ link }) {
      const parsed = parseContactLink(link);
      const gid = await addLinked(host, parsed);
      host.wake();
      return gid;
    },
  };
}

/** Add the account behind a link as a contact and open the DM; its id. Throws `bad-link`, `link-expired`, `not-allowed`. */
export async function addLinked(host: Host, link: ContactLink): Promise<Id> {
  const core = host.core();
  const profile = await core.look((look) => Promise.resolve(look.profile));
  const { account_id: accountId, contact_token: token } = link;
  if (accountId === null || token === null || link.server_name !== profile.server_name) throw error("bad-link");
  const account = rows.idOf(accountId);
  if (account === profile.account_id) throw error("bad-link", "own link");
  if (link.expires <= host.now() / 1000) throw error("link-expired");
  const lists = await fetchLists(host, account, token);
  return core.step("add-contact", async (step) => {
    await accounts.learnChain(step, account, lists);
    await takeLink(step, account, link.name ?? "", token);
    step.event("profile");
    return chats.openDm(step, account);
  });
}

/** What we are to an account. */
export async function relationTo(host: Host, account: Id): Promise<InvitePreview["known"]> {
  try {
    return await host.core().look(async (look) => {
      if (account === look.profile.account_id) return "self";
      return (await accounts.known(look, account)).contact ? "contact" : "no";
    });
  } catch (problem) {
    if (problem instanceof ZajilError && problem.code === "no-home") return "no";
    throw problem;
  }
}

async function contactView(look: Look, account: Account): Promise<ContactView> {
  const dm = await chats.findDm(look, account.account_id);
  return {
    ...(await personOf(look, account.account_id)),
    verified: accounts.isVerified(account),
    devices: account.devices.length,
    ...(dm === undefined ? {} : { dm: dm.gid }),
  };
}

async function knownKey(look: Look, account: Id): Promise<Account> {
  const known = await accounts.known(look, account);
  if (known.account_pub.length === 0) throw error("unknown-contact");
  return known;
}

async function contactPage(look: Look, account: Id): Promise<ContactPage> {
  const known = await knownKey(look, account);
  const code = await ownSide(look, known);
  // As `safetyNumber` joins them; each half takes thousands of hashes, so they are made once.
  const digits = [code.own, code.other].sort().join("");
  const shared = (await rows.allChats(look.tx)).filter(
    (chat) => chat.kind === groups.GROUP && rows.accountsOf(chat).includes(account),
  );
  return {
    ...(await contactView(look, known)),
    safety_number: (digits.match(/.{5}/g) ?? []).join(" "),
    safety_qr: encodeSafetyCode(code),
    key_changed: accounts.isKeyChanged(known),
    blocked: known.blocked,
    groups: shared.map((chat) => ({ id: chat.gid, title: chat.title })),
  };
}

async function ownSide(look: Look, known: Account): Promise<SafetyCode> {
  const own = look.profile;
  const dm = await chats.findDm(look, known.account_id);
  const group = dm === undefined ? undefined : await look.findGroup(dm.gid);
  return {
    own: half(own.account_pub, rows.bytesOf(own.account_id)),
    other: half(known.account_pub, rows.bytesOf(known.account_id)),
    epoch: group?.epoch ?? 0,
    epoch_authenticator: group?.epochAuthenticator ?? new Uint8Array(),
  };
}

async function checkSafety(look: Look, account: Id, text: string): Promise<Answer<"check_safety">> {
  const mine = await ownSide(look, await knownKey(look, account));
  let theirs: SafetyCode;
  try {
    theirs = parseSafetyCode(text);
  } catch (problem) {
    if (problem instanceof ZajilError) return "not-a-code";
    throw problem;
  }
  return compareCodes(mine, theirs);
}
