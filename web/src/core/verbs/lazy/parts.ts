/** The calls that a first screen and a first message do without: each area is a chunk, loaded with its first call. */
import type { CallName } from "../../api.ts";
import { loadSuite } from "../../mls/suites.ts";
import type { Opening } from "../account.ts";
import type { Handlers, Host } from "../handlers.ts";
import { lazyVerbs } from "./verbs.ts";

const LINKING = ["start_linking", "cancel_linking", "preview_link", "approve_link"] as const;
const PEOPLE = ["contacts", "contact", "set_verified", "check_safety", "add_contact"] as const;
const SETTINGS = ["settings", "set_settings"] as const;
const OWN = ["set_name", "persist", "devices", "recover"] as const;
const GROUPS = [
  ...(["create_group", "group_protected", "add_members", "remove_member", "rename_group", "set_role"] as const),
  ...(["leave_group", "rejoin", "set_timer", "grow_group"] as const),
];
const INVITES = ["make_invite", "make_request_link", "invites", "revoke_invite"] as const;
const BRIDGES = ["preview_bridges", "add_bridges", "share_bridges", "remove_bridges"] as const;
const PUBLIC = ["personas", "create_persona", "public_call"] as const;
const REPORTS = ["report_draft", "report"] as const;
const INSIDE = ["server_view", "inventory"] as const;
const SEARCH = ["search"] as const;
const STRANGERS = ["requests", "answer_request", "request_contact", "set_blocked", "blocked_people"] as const;
const USERNAMES = ["username", "set_username", "release_username", "find_username"] as const;
const PUSH = ["push_key", "set_push", "drop_push"] as const;

type Names =
  | (typeof LINKING)[number]
  | (typeof PEOPLE)[number]
  | (typeof SETTINGS)[number]
  | (typeof OWN)[number]
  | (typeof GROUPS)[number]
  | (typeof INVITES)[number]
  | (typeof BRIDGES)[number]
  | (typeof PUBLIC)[number]
  | (typeof REPORTS)[number]
  | (typeof INSIDE)[number]
  | (typeof SEARCH)[number]
  | (typeof STRANGERS)[number]
  | (typeof USERNAMES)[number]
  | (typeof PUSH)[number];

/** One line for each area. */
export function lazyPartsOf(host: Host, opening: Opening): Handlers<Extract<CallName, Names>> {
  return {
    ...lazyVerbs(
      LINKING,
      () => import("../devices.ts"),
      ({ deviceVerbs }) => loadSuite().then(() => deviceVerbs(host, opening)),
    ),
    ...lazyVerbs(
      PEOPLE,
      () => import("../people.ts"),
      ({ peopleVerbs }) => peopleVerbs(host),
    ),
    ...lazyVerbs(
      SETTINGS,
      () => import("../settings.ts"),
      ({ settingsVerbs }) => settingsVerbs(host),
    ),
    ...lazyVerbs(
      OWN,
      () => import("./account.ts"),
      ({ ownVerbs }) => ownVerbs(host, opening),
    ),
    ...lazyVerbs(
      GROUPS,
      () => import("../groups.ts"),
      ({ groupVerbs }) => groupVerbs(host),
    ),
    ...lazyVerbs(
      INVITES,
      () => import("../../invites/invites.ts"),
      ({ inviteVerbs }) => inviteVerbs(host),
    ),
    ...lazyVerbs(
      BRIDGES,
      () => import("../reach.ts"),
      ({ reachVerbs }) => reachVerbs(host),
    ),
    ...lazyVerbs(
      PUBLIC,
      () => import("../public.ts"),
      ({ publicVerbs }) => publicVerbs(host),
    ),
    ...lazyVerbs(
      REPORTS,
      () => import("../reports.ts"),
      ({ reportVerbs }) => reportVerbs(host),
    ),
    ...lazyVerbs(
      INSIDE,
      () => import("../inside.ts"),
      ({ insideVerbs }) => insideVerbs(host),
    ),
    ...lazyVerbs(
      SEARCH,
      () => import("../../search/searching.ts"),
      ({ searchVerbs }) => searchVerbs(host),
    ),
    ...lazyVerbs(
      STRANGERS,
      () => import("../../strangers/strangers.ts"),
      ({ strangerVerbs }) => strangerVerbs(host),
    ),
    ...lazyVerbs(
      USERNAMES,
      () => import("../../strangers/usernames.ts"),
      ({ usernameVerbs }) => usernameVerbs(host),
    ),
    ...lazyVerbs(
      PUSH,
      () => import("../../push/push.ts"),
      ({ pushCalls }) => pushCalls(host),
    ),
  };
}
