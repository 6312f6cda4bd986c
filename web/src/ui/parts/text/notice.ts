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
    case "created":
      return t.notice_created(values);
    case "joined":
      return t.notice_joined(values);
    case "added":
      return t.notice_added(values);
    case "left":
      return t.notice_left(values);
    case "leaving":
      return t.notice_leaving(values);
    case "removed":
      return t.notice_removed(values);
    case "you-removed":
      return t.notice_you_removed(values);
    case "rejoined":
      return t.notice_rejoined(values);
    case "repaired":
      return t.notice_repaired();
    case "resealed":
      return t.notice_resealed();
    case "grown":
      return t.notice_grown(values);
    case "renamed":
      return t.notice_renamed({ ...values, title: isolate(notice.text ?? "") });
    case "role":
      return t.notice_role({ ...values, role: notice.text ?? "member" });
    case "timer": {
      const seconds = Number(notice.text);
      return t.notice_timer({ ...values, off: seconds > 0 ? "no" : "yes", time: seconds > 0 ? sayAfter(seconds) : "" });
    }
    case "write-admins":
      return t.notice_write_admins(values);
    case "write-members":
      return t.notice_write_members(values);
    case "rules":
      return t.notice_rules(values);
    case "link-made":
      return t.notice_link_made(values);
    case "link-ended":
      return t.notice_link_ended(values);
    case "asked":
      return t.notice_asked(values);
    case "device-added":
      return t.notice_device_added(values);
    case "device-removed":
      return t.notice_device_removed(values);
    case "key-changed":
      return t.notice_key_changed(values);
    case "gap":
      return t.notice_gap();
    case "refused-change":
      return t.notice_refused_change(values);
    case "bad-message":
      return t.notice_bad_message(values);
    case "bad-welcome":
      return t.notice_bad_welcome(values);
    case "forked-list":
      return t.notice_forked_list(values);
    case "old-copy":
      return t.notice_old_copy();
    case "report-acted":
      return t.notice_report_acted();
    case "report-not-acted":
      return t.notice_report_not_acted();
    case "account-warned":
      return t.notice_account_warned();
    case "account-suspended":
      return t.notice_account_suspended();
    case "measure-undone":
      return t.notice_measure_undone();
    case "unsupported":
      return t.notice_unsupported(values);
    case "undecryptable":
      return t.notice_undecryptable(values);
  }
}

function names(people: readonly Person[], me: string | undefined): string {
  const list = people.map((person) => (person.account === me ? t.you_object() : isolate(person.name)));
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(list);
}
