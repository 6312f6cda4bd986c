/** What the calls of view.ts do: a chunk of its own. Twin of the links of zajil.client.contacting. */
import { sha256 } from "@noble/hashes/sha2.js";
import { CONTACT_TOKENS, type OwnContactToken } from "../../protocol/contacts/calls.ts";
import { DROP_CONTACT_TOKEN } from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeContactLink } from "../../protocol/identity/links.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { randomBytes } from "../crypto.ts";
import { loadDoors, noteLinks } from "../state/doors.ts";
import { keepInvites, madeInvites, type MadeInvite } from "../state/invites.ts";
import { loadJoins } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Handlers, Host } from "../verbs/handlers.ts";
import { takeBundleIfAny } from "../verbs/reach.ts";
import { putContactToken, takeInviteCode } from "../verbs/remote.ts";
import type { InviteCalls, OwnInvite } from "./view.ts";

/** People whom a link admits. */
const USES = { many: 20, once: 1 } as const;
const DAYS = 30;

/** Calls about our own contact links. */
export function inviteVerbs(host: Host): Handlers<keyof InviteCalls> {
  return {
    make_invite: (a) => makeInvite(host, a),
    async make_request_link() {
      const expires = Math.floor(host.now() / 1000) + DAYS * 86_400;
      return { url: await encode(host, { expires, token: null, code: null }), expires_at: expires * 1000 };
    },
    invites: () => openInvites(host),
    async revoke_invite({ id }) {
      // Kept first: should the server come back from a backup, it is to hear of it whatever becomes of this call.
      await host.core().step("end-invite", async (step) => {
        const held = [...(await madeInvites(step.tx)), ...(await loadDoors(step.tx)).links];
        const ended = held.find(({ hash }) => hash === id);
        if (ended) await noteLinks(step.tx, [{ hash: id, uses: 0, expires: ended.expires }], step.now);
      });
      await dropContactToken(host, id);
      await host.core().step("revoke-invite", async (step) => {
        const links = await madeInvites(step.tx);
        await keepInvites(
          step.tx,
          links.filter(({ hash }) => hash !== id),
          step.now,
        );
      });
    },
  };
}

async function makeInvite(
  host: Host,
  { kind, with_code }: Parameters<InviteCalls["make_invite"]>[0],
): Promise<OwnInvite> {
  const uses = (USES as Partial<Record<string, number>>)[kind];
  if (uses === undefined) throw error("malformed", "kind of link");
  const token = randomBytes(32);
  const expires = Math.floor(host.now() / 1000) + DAYS * 86_400;
  const code = with_code ? await takeInviteCode(host) : null;
  await putContactToken(host, sha256(token), { kind: "invite", uses, expires });
  const url = await encode(host, { expires, token, code });
  const hash = encodeB64(sha256(token));
  const made: MadeInvite = { hash, url, kind, uses, made_at: host.now(), expires, code: code !== null };
  await host.core().step("invite", async (step) => {
    await keepInvites(step.tx, [...(await madeInvites(step.tx)), made], step.now);
    await noteLinks(step.tx, [made], step.now);
  });
  return viewOf(made, uses);
}

/** The link as it is given out. expires: Unix seconds. */
async function encode(
  host: Host,
  { expires, token, code }: { expires: number; token: Uint8Array | null; code: string | null },
): Promise<string> {
  const profile = await host.core().look((look) => Promise.resolve(look.profile));
  return encodeContactLink({
    server_name: profile.server_name,
    expires,
    account_id: rows.bytesOf(profile.account_id),
    contact_token: token,
    name: profile.name,
    code,
    front: host.server,
    bridges: await takeBundleIfAny(host),
  });
}

/** Those that the server still admits somebody by: what it holds of them, and what this device remembers. */
async function openInvites(host: Host): Promise<OwnInvite[]> {
  const tokens = await fetchContactTokens(host);
  const { made, groups } = await host.core().step("invites", async (step) => {
    const listed = tokens.map((one) => ({ hash: encodeB64(one.hash), uses: one.uses_left, expires: one.expires }));
    await noteLinks(step.tx, listed, step.now);
    return {
      made: await madeInvites(step.tx),
      groups: new Set((await loadJoins(step.tx)).links.map((link) => encodeB64(sha256(link.token)))),
    };
  });
  const left = new Map(tokens.map((one) => [encodeB64(one.hash), one]));
  const own = [...made].reverse().flatMap((one) => {
    const held = left.get(one.hash);
    left.delete(one.hash);
    return held === undefined ? [] : [viewOf(one, held.uses_left)];
  });
  // What this device made for a group stands on the group's own page.
  const others = [...left].filter(([hash]) => !groups.has(hash));
  return [
    ...own,
    ...others.map(([id, one]) => ({
      ...{ id, kind: "other" as const },
      ...{ left: one.uses_left, expires_at: one.expires * 1000 },
    })),
  ];
}

const viewOf = ({ hash, expires, kind, url, uses, made_at, code }: MadeInvite, left: number): OwnInvite => ({
  ...{ id: hash, kind, left, uses, url, code, made_at },
  expires_at: expires * 1000,
});

/** The contact tokens in our links that still admit somebody. */
async function fetchContactTokens(host: Host): Promise<readonly OwnContactToken[]> {
  const auth = await host.tokens().auth();
  return (await host.calls.call(CONTACT_TOKENS, { auth })).tokens;
}

/** Nobody is admitted by the token of this hash any more. */
async function dropContactToken(host: Host, hash: string): Promise<void> {
  const auth = await host.tokens().auth();
  await host.calls.call(DROP_CONTACT_TOKEN, { auth, parameters: { hash } });
}
