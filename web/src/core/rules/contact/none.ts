/** A claim brought no package: who is waited for, and who is gone without. Loads when that is met. Twin of parts of core.wants. */
import { SUITE_XWING } from "../../../protocol/limits.ts";
import * as rows from "../../state/rows.ts";
import type { Id, Item } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { heirs } from "../heirs/loading.ts";
import * as outbox from "../outbox.ts";

const PATIENCE_MS = 120_000;
/** A device of ours that was approved so long ago and has published nothing: nothing waits for it any more. */
const ABSENT_MS = 20_000;

/** What was wanted: the packages of an account for item n. */
interface Claim {
  readonly n: number;
  readonly account: Id;
}

/** True: that is settled. False: ask again later, by another id. Undefined: the item goes on without any of these. */
export async function takeNone(step: Step, want: Claim, item: Item): Promise<boolean | undefined> {
  const { n, account } = want;
  const age = step.now - item.at;
  const own = account === step.profile.account_id;
  if (age > (own ? outbox.DAY_MS : PATIENCE_MS)) {
    const goes = (await part(step, want, item)) || (await (await heirs()).goWithout(step, n, item, account));
    if (!goes) await outbox.fail(step, n, item, "not-allowed");
    return true;
  }
  // An approved device that never came to life must not keep chats from beginning and texts from going out.
  const absent = own && age > ABSENT_MS;
  if (absent && item.intent?.op === "add") return undefined;
  await outbox.changeItem(step, n, item, { claim_id: step.rng(16), ...(absent && { absent }) });
  return false;
}

/**
 * One account of many that has no packages of a large group's suite keeps nobody else out: it waits by itself.
 *
 * Not in a successor, which nobody follows that somebody is missing in.
 */
async function part(step: Step, { n, account }: Claim, item: Item): Promise<boolean> {
  const { intent, gid } = item;
  const { suite, forebear } = await step.chat(gid);
  if (intent === null || intent.accounts.length < 2 || suite === SUITE_XWING || forebear !== "") return false;
  const accounts = intent.accounts.filter((other) => other !== account);
  await outbox.changeItem(step, n, item, { intent: { ...intent, accounts } });
  await outbox.submitIntent(step, gid, rows.makeIntent("add", { accounts: [account] }));
  return true;
}
