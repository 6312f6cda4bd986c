/** Passkeys of staff: the browser's own dialogue, by options that the server made. Source: WebAuthn Level 3. */
import { startAuthentication, startRegistration, WebAuthnError } from "@simplewebauthn/browser";
import { Refused } from "./calls.ts";

/** Codes of this browser, beside those of the server: the person said no, or the page lies where its passkeys cannot be. */
function refusal(error: unknown): Refused {
  const name = error instanceof WebAuthnError ? error.code : error instanceof Error ? error.name : "";
  if (name === "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED") return new Refused("passkey-known");
  if (name === "ERROR_INVALID_RP_ID") return new Refused("passkey-host");
  if (name === "ERROR_INVALID_DOMAIN" || name === "SecurityError") return new Refused("passkey-place");
  return new Refused("passkey-refused");
}

/** A new passkey, as JSON text for the server. options: JSON text of the server. Throws Refused. */
export async function createPasskey(options: string): Promise<string> {
  try {
    return JSON.stringify(await startRegistration({ optionsJSON: JSON.parse(options) }));
  } catch (error) {
    throw refusal(error);
  }
}

/** What a passkey of this person signed, as JSON text for the server. Throws Refused. */
export async function askPasskey(options: string): Promise<string> {
  try {
    return JSON.stringify(await startAuthentication({ optionsJSON: JSON.parse(options) }));
  } catch (error) {
    throw refusal(error);
  }
}

/**
 * Where this same page takes passkeys, if not here: an address in numbers is no name that a passkey can be bound to, so
 * on one's own machine `localhost` stands in for it. undefined: here.
 */
export function findOtherPlace(href: string): string | undefined {
  const url = new URL(href);
  if (!/^(127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) return undefined;
  url.hostname = "localhost";
  return url.href;
}
