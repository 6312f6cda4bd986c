/** A line of the chat that is no message, in words. Names are isolated; we ourselves are "you". */
import type { Notice, Person } from "../../../core/api.ts";
import { isolate } from "../../../i18n/bidi.ts";
import { t } from "../../../i18n/catalogue.ts";
import { formatSpan } from "../../../i18n/date.ts";
import { counted, locale } from "../../../i18n/number.ts";
import { sayAfter } from "../../../i18n/timer.ts";

const NO_CALL = { kind: "audio", outcome: "failed", seconds: 0 } as const;

/** Whether it is word from the server's moderators. */
export const isNews = (notice: Notice): boolean => /^(report|account|measure)-/.test(notice.code);

/** me: own account id; decides who is "you". */
export function sayNotice(notice: Notice, me: string | undefined): string {
  // Who left, joined or has a new key stands in `whom` alone: nobody did it to them.
  const doers = notice.by ? [notice.by] : (notice.whom ?? []);
  const own = doers.length === 1 && doers[0]?.account === me ? "yes" : "no";
  const who = doers.length === 0 ? t.somebody() : names(doers, undefined);
  const whom = names(notice.whom ?? [], me);
  const you = notice.whom?.length === 1 && notice.whom[0]?.account === me ? "yes" : "no";
  const values = { own, who, whom, you, ...counted(notice.whom?.length ?? 0) };
  const { call = NO_CALL } = notice;
  switch (notice.code) {
    case "call":
      return t.notice_call({ ...values, ...call, length: formatSpan(call.seconds) });
    case "renamed":
      return t.notice_renamed({ ...values, title: isolate(notice.text ?? "") });
    case "named":
      return t.notice_named({ was: isolate(notice.was ?? ""), name: isolate(notice.text ?? "") });
    case "role":
      return t.notice_role({ ...values, role: notice.text ?? "member" });
    case "timer": {
      const seconds = Number(notice.text);
      return t.notice_timer({ ...values, off: seconds > 0 ? "no" : "yes", time: seconds > 0 ? sayAfter(seconds) : "" });
    }
    default:
      return t[keyOf(notice.code)](values);
  }
}

type Underlined<S extends string> = S extends `${infer A}-${infer B}` ? `${A}_${Underlined<B>}` : S;

/** The words of a line that needs no more than who did what to whom: named like its code, so each code has some. */
function keyOf<S extends string>(code: S): `notice_${Underlined<S>}` {
  return `notice_${code.replaceAll("-", "_") as Underlined<S>}`;
}

function names(people: readonly Person[], me: string | undefined): string {
  const list = people.map((person) => (person.account === me ? t.you_object() : isolate(person.name)));
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(list);
}
