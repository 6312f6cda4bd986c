/** The signed lists of an account, however many answers they take. Twin of zajil.client.shell.chains. */
import * as control from "../../protocol/control.ts";
import { openChain } from "../../protocol/identity/chain.ts";
import * as objects from "../../protocol/identity/objects.ts";
import { LISTS_PER_ANSWER } from "../../protocol/limits.ts";
import { verify } from "../crypto.ts";
import * as rows from "../state/rows.ts";
import { type Calls, contactAuth } from "./calls.ts";

/** No list has it: a login of it is by the account key. */
const NO_DEVICE = 0;

/** All lists of an account, oldest first, by its contact token; the caller verifies the last of them. */
export function fetchChain(calls: Calls, account_id: Uint8Array, token: Uint8Array): Promise<Uint8Array[]> {
  return fetchOwnChain(calls, account_id, contactAuth(token));
}

/** The same to whoever `auth` is of: a device of the account. */
export function fetchOwnChain(calls: Calls, account_id: Uint8Array, auth: string): Promise<Uint8Array[]> {
  const parameters = { account: rows.idOf(account_id) };
  return gather(account_id, (query) => calls.call(control.DEVICE_LISTS, { auth, query, parameters }));
}

/**
 * The same by the account key alone. sign: by that key. Throws AuthError `bad-challenge` where the key is not the account's,
 * Refused `not-allowed` where it was deleted.
 */
export function fetchChainByKey(
  calls: Calls,
  { account_id, server_name }: { readonly account_id: Uint8Array; readonly server_name: string },
  sign: objects.Sign,
): Promise<Uint8Array[]> {
  return gather(account_id, async (query) => {
    const { nonce } = await calls.call(control.CHALLENGE, { request: { account_id, device_id: NO_DEVICE } });
    const said = objects.encodeLogin({ server_name, nonce, account_id, device_id: NO_DEVICE });
    return calls.call(control.LISTS_BY_KEY, {
      request: { login: await objects.signObject("login", said, sign) },
      query,
    });
  });
}

/** What comes before the last answer must be a chain, or a server could go on for ever. */
async function gather(
  account_id: Uint8Array,
  ask: (query: string) => Promise<control.DeviceLists>,
): Promise<Uint8Array[]> {
  const lists: Uint8Array[] = [];
  for (;;) {
    const answer = await ask(`?from=${lists.length + 1}`);
    lists.push(...answer.lists);
    if (answer.lists.length < LISTS_PER_ANSWER) return lists;
    await openChain(lists, account_id, verify);
  }
}
