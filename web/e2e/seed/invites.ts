/** The seed's calls about this account's own contact links. */
import type { Answer, OwnInvite } from "../../src/core/api.ts";
import type { InviteCalls } from "../../src/core/invites/view.ts";
import { isConnected } from "../../src/state/route.ts";
import { Refused } from "./answers.ts";
import { DAY, idOf, type World } from "./world.ts";

type Table = { [N in keyof InviteCalls]: (args: Parameters<InviteCalls[N]>[0]) => Answer<N> };

const USES = { many: 20, once: 1 };

/** One that was used by some, one for one person, one of another device. */
function someInvites({ now }: World): OwnInvite[] {
  const made = (kind: "many" | "once", left: number, days: number): OwnInvite => ({
    ...{ id: idOf(`link ${kind}`, 43), kind, left, uses: USES[kind], code: false },
    url: `https://home.example/i#${idOf(`old link ${kind}`, 160)}`,
    ...{ made_at: now - days * DAY, expires_at: now + (30 - days) * DAY },
  });
  const other = { id: idOf("link other", 43), kind: "other" as const, left: 2, expires_at: now + 3 * DAY };
  return [made("once", 1, 1), { ...made("many", 16, 29.5), code: true }, other];
}

/** The table's part. */
export function inviteCalls(world: World): Table {
  let links: OwnInvite[] = world.scene === "busy" ? someInvites(world) : [];
  const check = (): void => {
    if (!isConnected(world.connection)) throw new Refused("unreachable");
  };
  return {
    make_invite: ({ kind, with_code }) => {
      check();
      const seed = `invite ${kind} ${String(links.length)}`;
      const made: OwnInvite = {
        ...{ id: idOf(seed, 43), kind, left: USES[kind], uses: USES[kind], code: with_code },
        url: `https://home.example/i#${idOf(seed, with_code ? 210 : 160)}`,
        ...{ made_at: world.now, expires_at: world.now + 30 * DAY },
      };
      links = [made, ...links];
      return structuredClone(made);
    },
    make_request_link: () => {
      check();
      return { url: `https://home.example/i#${idOf("asking", 110)}`, expires_at: world.now + 30 * DAY };
    },
    invites: () => {
      check();
      return structuredClone(links);
    },
    revoke_invite: ({ id }) => {
      check();
      links = links.filter((one) => one.id !== id);
    },
  };
}
