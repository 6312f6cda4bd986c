/** Calls about groups. */
import { error } from "../../protocol/errors.ts";
import { XWING_LEAVES } from "../../protocol/limits.ts";
import * as chats from "../rules/chats.ts";
import { heirs } from "../rules/heirs/loading.ts";
import * as readd from "../rules/readd.ts";
import type { Step } from "../state/step.ts";
import type { Handlers, Host } from "./handlers.ts";
import { findPlace } from "./talk.ts";

type Names =
  | "create_group"
  | "group_protected"
  | "add_members"
  | "remove_member"
  | "rename_group"
  | "set_role"
  | "leave_group"
  | "rejoin"
  | "set_timer"
  | "grow_group";

const ROLE_NUMBERS = { member: 0, admin: 1, owner: 2 } as const;

/** Calls about groups: each is queued durably and carried out by the outbox. */
export function groupVerbs(host: Host): Handlers<Names> {
  async function change<T>(name: string, work: (step: Step) => Promise<T>): Promise<T> {
    const answer = await host.core().step(name, work);
    host.wake();
    return answer;
  }
  return {
    create_group: ({ title, members }) =>
      change("create-group", (step) => chats.openGroup(step, title.trim(), members)),
    group_protected: ({ members }) =>
      host.core().look(async (look) => (await chats.expectedLeaves(look, members)) <= XWING_LEAVES),
    add_members: ({ chat, members }) =>
      change("add-members", async (step) => {
        for (const member of members) await chats.addAccount(step, chat, member);
      }),
    remove_member: ({ chat, account }) =>
      change("remove-member", async (step) => {
        await chats.removeAccount(step, chat, account);
      }),
    rename_group: ({ chat, title }) =>
      change("rename-group", async (step) => {
        await chats.rename(step, chat, title.trim());
      }),
    set_role: ({ chat, account, role }) =>
      change("set-role", async (step) => {
        await chats.setRole(step, chat, account, ROLE_NUMBERS[role]);
      }),
    set_timer: ({ chat, seconds }) =>
      change("set-timer", async (step) => {
        await chats.setTimer(step, chat, seconds);
      }),
    grow_group: ({ chat }) => change("grow", async (step) => (await heirs()).grow(step, chat)),
    leave_group: ({ chat }) => change("leave", (step) => chats.leave(step, chat)),
    rejoin: ({ chat }) =>
      change("rejoin", async (step) => {
        const place = await findPlace(step, chat);
        if (place.status === "removed" || place.status === "left") throw error("not-a-member");
        await readd.lose(step, place.gid, "asked");
        step.event("members", place.gid);
      }),
  };
}
