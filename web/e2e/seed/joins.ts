/** Links into a group and who asks by them, as the screens are tried with. */
import type { Answer, Arguments } from "../../src/core/api.ts";
import type { JoinCalls } from "../../src/core/joins/view.ts";

type Table = { [N in keyof JoinCalls]: (args: Arguments<N>) => Answer<N> };
const SOON = Date.now() + 5 * 86_400_000;
const URL_OF_LINK = "https://home.example/g#qAEBAmxob21lLmV4YW1wbGUDUAMR4ngk1euIeejTtvvDQgkE";

/** One link, two who ask, and one request of our own. */
export function joinCalls(): Table {
  return {
    set_permissions: () => undefined,
    group_links: () => [
      { id: "AAAAAAAAAAAAAAAAAAAAAA", auto: false, expires_at: SOON, url: URL_OF_LINK },
      { id: "AAAAAAAAAAAAAAAAAAAAAB", auto: true, expires_at: SOON },
    ],
    make_group_link: ({ auto }) => ({ id: "AAAAAAAAAAAAAAAAAAAAAC", auto, expires_at: SOON, url: URL_OF_LINK }),
    revoke_group_link: () => undefined,
    join_requests: () => [
      { account: "CAAAAAAAAAAAAAAAAAAAAA", name: "Зоя", at: Date.now(), removed_before: false, accepted: false },
      { account: "DAAAAAAAAAAAAAAAAAAAAA", name: "سالم", at: Date.now(), removed_before: true, accepted: false },
    ],
    answer_join: () => undefined,
    preview_group_link: () => ({ title: "Поход", expired: false, state: "new" }),
    ask_to_join: () => undefined,
    joins: () => [
      { group: "EAAAAAAAAAAAAAAAAAAAAA", title: "نادي القراءة", approver: "Лейла", at: Date.now(), state: "asked" },
    ],
    forget_join: () => undefined,
  };
}
