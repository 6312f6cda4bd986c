/** When a message disappears, in words. */
import type { MessageView } from "../../core/api.ts";
import { t } from "../../i18n/catalogue.ts";
import { sayLeft, sayAfter } from "../../i18n/timer.ts";

/** Undefined where it stays. */
export function sayExpiry({ expire_s, expires_at, own }: MessageView, now: number): string | undefined {
  if (expires_at !== undefined) return t.expires_in({ time: sayLeft(expires_at, now, "long") });
  if (expire_s === undefined) return undefined;
  return t.expires_after({ own: own ? "yes" : "no", time: sayAfter(expire_s) });
}
