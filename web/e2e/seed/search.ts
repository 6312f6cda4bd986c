/** Search in the seed, with the folding of the real one. */
import type { Answer, Arguments, FoundMessage, Marked } from "../../src/core/api.ts";
import { findMarks, matches, parseQuery, type Query } from "../../src/protocol/search/matching.ts";
import type { World } from "./world.ts";

const mark = (query: Query, text: string): Marked => ({ text, marks: findMarks(query, text) });

export function searchCalls(world: World): { search(a: Arguments<"search">): Answer<"search"> } {
  return {
    search({ query: words, chat: only, self = "" }) {
      const query = parseQuery(words);
      const title = (kind: string, name: string) => (kind === "self" ? self : name);
      const places = world.chats.filter(({ id }) => only === undefined || id === only);
      const found = places.flatMap((chat) =>
        chat.messages.flatMap((message): FoundMessage[] => {
          const names = message.files.map(({ name }) => name);
          if (message.deleted || message.notice || !matches(query, [message.text ?? "", ...names])) return [];
          const { id, sender, own, at, text = "" } = message;
          const files = names.map((name) => mark(query, name)).filter(({ marks }) => marks.length > 0);
          const place = { chat: chat.id, kind: chat.kind, title: chat.title };
          return [{ id, ...place, sender, own, at, text: mark(query, text), files }];
        }),
      );
      const chats = places.filter(({ kind, title: name }) => only === undefined && matches(query, [title(kind, name)]));
      return {
        short: query.length === 0,
        chats: chats.map(({ id, kind, peer, title: name }) => {
          const other = peer === undefined ? {} : { peer };
          return { id, kind, ...other, title: mark(query, title(kind, name)) };
        }),
        people: world.contacts
          .filter(
            ({ account, name }) =>
              only === undefined && matches(query, [name]) && !world.chats.some(({ peer }) => peer === account),
          )
          .map(({ account, name }) => ({ account, name: mark(query, name) })),
        messages: found.sort((a, b) => b.at - a.at),
      };
    },
  };
}
