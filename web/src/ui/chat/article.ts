/** A message as it is read aloud: who, to whom, what, when, how far it came. */
import type { MessageView } from "../../core/api.ts";
import { isolate } from "../../i18n/bidi.ts";
import { t } from "../../i18n/catalogue.ts";
import { formatMoment } from "../../i18n/date.ts";
import { sayBody } from "../../i18n/files.ts";
import { sayExpiry } from "./expiry.ts";
import { sayState } from "../parts/text/state.ts";

const SPOKEN = 500;

export function sayArticle(message: MessageView): string {
  const expiry = message.deleted ? undefined : sayExpiry(message, Date.now());
  return [sayPlain(message), ...(expiry === undefined ? [] : [expiry])].join(". ");
}

function sayPlain(message: MessageView): string {
  const text = message.deleted ? t.message_deleted() : sayBody(message).slice(0, SPOKEN);
  const whom = message.quote?.sender ? isolate(message.quote.sender.name) : undefined;
  const values = {
    who: isolate(message.sender.name),
    text,
    time: formatMoment(message.at),
    state: sayState(message.state),
  };
  if (message.own) return whom === undefined ? t.article_own(values) : t.article_reply_own({ ...values, whom });
  return whom === undefined ? t.article(values) : t.article_reply({ ...values, whom });
}
