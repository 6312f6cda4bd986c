/** Links into a group and who asks by them, as the screens are tried with. */
import type { Answer, Arguments } from "../../src/core/api.ts";
import type { GroupLinkPreview, JoinCalls, JoinView } from "../../src/core/joins/view.ts";
import { Refused } from "./answers.ts";
import { DAY, MINUTE, NOW, idOf, person, type World } from "./world.ts";

type Table = { [N in keyof JoinCalls]: (args: Arguments<N>) => Answer<N> };
const SOON = NOW + 5 * DAY;
const URL_OF_LINK = "https://home.example/g#qAEBAmxob21lLmV4YW1wbGUDUAMR4ngk1euIeejTtvvDQgkE";

const request = (title: string, state: JoinView["state"], approver = ""): JoinView => ({
  ...{ group: idOf("asked " + title), at: NOW - MINUTE },
  ...{ title, state, approver },
});
const ASKED: readonly JoinView[] = [
  request("نادي القراءة", "asked", "Лейла"),
  request("Lake house 2026", "asked"),
  request("Родительский комитет 4 «Б»", "declined"),
  request("Neighbourhood choir: rehearsals, lifts and everything around the winter concert", "expired"),
  request("", "closed"),
  request("Ремонт подъезда", "dropped"),
];

/** Reads a link of the seed: words inside choose what it is (expired, asked, inside, ours, elsewhere, bad). */
function preview(text: string, world: World): GroupLinkPreview {
  if (text.length < 8 || text.includes("bad")) throw new Refused("bad-link");
  const known = { asked: "asked", inside: "in", ours: "ours", elsewhere: "other-server" } as const;
  const state = Object.entries(known).find(([word]) => text.includes(word))?.[1] ?? "new";
  const chat = world.chats[0];
  return {
    title: text.includes("unnamed") ? "" : "Поход на Эльбрус",
    expired: text.includes("expired"),
    state,
    ...(state === "in" && chat !== undefined ? { chat: chat.id } : {}),
  };
}

/** Links, two who ask, and requests of our own. mayLink: whether we may make links into a chat. */
export function joinCalls(world: World, mayLink: (chat: string) => boolean): Table {
  const asked: JoinView[] = world.scene === "asked" ? [...ASKED] : [];
  const links = [
    { id: idOf("link asking"), auto: false, expires_at: SOON, url: URL_OF_LINK },
    { id: idOf("link auto"), auto: true, expires_at: SOON },
  ];
  const asking = ["Зоя", "سالم"].map((name, at) => ({
    ...{ ...person(name), at: NOW - MINUTE },
    ...{ removed_before: at === 1, accepted: false },
  }));
  return {
    set_permissions: () => undefined,
    group_links: ({ chat }) => (mayLink(chat) ? [...links] : links.slice(1)),
    make_group_link: ({ auto, seconds }) => {
      if (auto) throw new Refused("too-many-links");
      const made = { id: idOf("link new"), auto, expires_at: NOW + seconds * 1000, url: URL_OF_LINK };
      links.push(made);
      return made;
    },
    revoke_group_link: () => undefined,
    join_requests: ({ chat }) => (mayLink(chat) ? structuredClone(asking) : []),
    answer_join: ({ account }) => {
      const one = asking.find((other) => other.account === account);
      if (one !== undefined) one.accepted = true;
    },
    preview_group_link: ({ text }) =>
      asked.some(({ group }) => group === text) ? preview("asked", world) : preview(text, world),
    ask_to_join: ({ link }) => {
      if (link.includes("used")) throw new Refused("not-allowed");
      asked.push({ ...request("Поход на Эльбрус", "asked"), group: link });
    },
    joins: () => [...asked],
    forget_join: () => undefined,
  };
}
