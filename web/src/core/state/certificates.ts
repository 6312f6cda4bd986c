/**
 * Who may hold a leaf: the certificate in its credential, judged by what we know of the account (service.md 2, rule 2).
 * Twin of zajil.client.state.certificates.
 *
 * The certificate alone admits a leaf. Device lists are private knowledge, different on each device, so a device missing
 * from ours is never a veto on a commit of others: it only stops us from adding that device ourselves.
 */
import { ZajilError } from "../../protocol/errors.ts";
import { accountIdOf, clientOf, openCertificate, type DeviceCertificate } from "../../protocol/identity/objects.ts";
import { verify } from "../crypto.ts";
import { Rejected, type Authenticate } from "../mls/mls.ts";
import * as rows from "./rows.ts";
import type { Account } from "./rows.ts";
import type { Look } from "./step.ts";

/** The engine's question "whose key is this?", answered from the store of this step. */
export function authenticate(look: Look): Promise<Authenticate> {
  const judge: Authenticate = async (credential, signatureKey, use) => {
    const certificate = await checkCertificate(credential, signatureKey);
    if (use === "send") {
      const account = await rows.findAccount(look.tx, rows.idOf(certificate.account_id));
      if (account !== undefined && !listsDevice(account, certificate)) {
        throw new Rejected("device is not in the newest list");
      }
    }
    return clientOf(certificate);
  };
  return Promise.resolve(judge);
}

/** The certificate of a leaf. Throws Rejected unless it is self-consistent and names that leaf key. */
export async function checkCertificate(credential: Uint8Array, signatureKey: Uint8Array): Promise<DeviceCertificate> {
  let certificate: DeviceCertificate;
  try {
    certificate = await openCertificate(credential, verify);
  } catch (problem) {
    if (problem instanceof ZajilError) throw new Rejected(problem.code);
    throw problem;
  }
  if (rows.idOf(certificate.sig_pub) !== rows.idOf(signatureKey)) throw new Rejected("certificate of another key");
  // The first key is in every chain, so whoever knows of a rotation judges as whoever does not. Certificates by rotated
  // keys need the whole chain of lists, which later issues bring.
  if (rows.idOf(accountIdOf(certificate.account_pub)) !== rows.idOf(certificate.account_id)) {
    throw new Rejected("account key does not match the account");
  }
  return certificate;
}

/** Whether the newest list we hold has this device; a list older than the certificate says nothing. */
export function listsDevice(account: Account, certificate: DeviceCertificate): boolean {
  if (account.list_seq < certificate.list_seq) return true;
  const sigPub = rows.idOf(certificate.sig_pub);
  return account.devices.some(([device, key]) => device === certificate.device_id && key === sigPub);
}
