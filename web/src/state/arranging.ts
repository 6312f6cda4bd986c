/** Pin, archive and mute chats; a refusal is shown in passing. */
import type { Arguments, ChatLine } from "../core/api.ts";
import { formatMomentSince } from "../i18n/date.ts";
import { t } from "../i18n/catalogue.ts";
import { codeOf, sayError } from "../i18n/errors.ts";
import { call } from "./host.ts";
import { toasts } from "./toasts.svelte.ts";

type Act = Arguments<"arrange">["act"];

const HOUR_MS = 3_600_000;
/** Absent: always. */
export const MUTES = [
  { key: "hour", ms: HOUR_MS },
  { key: "hours", ms: 8 * HOUR_MS },
  { key: "week", ms: 168 * HOUR_MS },
  { key: "always", ms: undefined },
] as const;

/** until: of `mute`, Unix ms; 0 ends it, absent: always. */
export async function arrange(chat: string, act: Act, until?: number): Promise<void> {
  try {
    await call("arrange", { chat, act, ...(until === undefined ? {} : { until }) });
  } catch (error) {
    toasts.show(sayError(codeOf(error)), "danger");
  }
}

/** How long a chat is muted, in words. */
export function sayMuted({ muted, muted_until }: ChatLine, now = Date.now()): string {
  if (!muted) return t.mute_off();
  return muted_until === Number.MAX_SAFE_INTEGER
    ? t.mute_on_always()
    : t.mute_on_until({ when: formatMomentSince(muted_until, now) });
}
