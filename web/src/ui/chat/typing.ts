/** Who is typing, in words. */
import type { Person } from "../../core/api.ts";
import { isolate } from "../../i18n/bidi.ts";
import { t } from "../../i18n/catalogue.ts";

export function sayTyping(people: readonly Person[]): string {
  const [one, other, third] = people;
  if (!one) return "";
  if (!other) return t.typing_one({ name: isolate(one.name) });
  if (!third) return t.typing_two({ name: isolate(one.name), other: isolate(other.name) });
  return t.typing_many();
}
