/** What the screens of the app lock say of a failure and of its times. */
import type { LockAfter } from "../../core/api.ts";
import { t } from "../../i18n/catalogue.ts";
import { sayError } from "../../i18n/errors.ts";
import { formatNumber } from "../../i18n/number.ts";

/** What is wrong; nothing where it is only too early, which `sayWait` says. */
export function sayFailure(code: string | undefined): string | undefined {
  if (code === undefined || code === "slow-down") return undefined;
  if (code === "passkey-refused") return t.lock_passkey_refused();
  if (code === "passkey-prf") return t.lock_passkey_prf();
  return code === "wrong-passphrase" ? t.lock_wrong() : sayError(code);
}

export function sayWait(seconds: number): string {
  return t.lock_wait({ n: seconds, nt: formatNumber(seconds) });
}

export function sayAfter(minutes: LockAfter): string {
  if (minutes === 0) return t.lock_after_never();
  return minutes === 60 ? t.lock_after_hour() : t.lock_after_min({ n: minutes, nt: formatNumber(minutes) });
}
