/** Passkeys that answer a salt with a key of their own: WebAuthn's PRF extension (Level 3, 10.1.4). Nothing is sent anywhere. */

/** possible: at least asking is. address: the page lies under an IP address, which no passkey can be bound to. */
export type PasskeyPlace = "possible" | "address" | "absent";

/** All of it b64url. */
export interface MadePasskey {
  readonly credential: string;
  /** 32 bytes. */
  readonly salt: string;
  /** 32 bytes: the answer to the salt. */
  readonly prf: string;
}

export class PasskeyFailed extends Error {
  /** refused: the person said no, or nothing came. prf: this passkey does not answer salts. */
  readonly code: "passkey-refused" | "passkey-prf";

  constructor(code: PasskeyFailed["code"]) {
    super(code);
    this.code = code;
  }
}

const TIMEOUT_MS = 120_000;

export async function findPlace(): Promise<PasskeyPlace> {
  if (typeof PublicKeyCredential === "undefined" || !isSecureContext) return "absent";
  if (/^[\d.]+$|^\[/.test(location.hostname)) return "address";
  const ask = (PublicKeyCredential as { getClientCapabilities?: () => Promise<Record<string, boolean>> })
    .getClientCapabilities;
  const can = await ask?.call(PublicKeyCredential).catch(() => undefined);
  return can?.["extension:prf"] === false ? "absent" : "possible";
}

/** A passkey for this browser's lock. name: what the device's list of passkeys shows. Rejects with PasskeyFailed. */
export async function makePasskey(name: string): Promise<MadePasskey> {
  const salt = random();
  const made = await asked(
    navigator.credentials.create({
      publicKey: {
        rp: { name },
        user: { id: random().slice(0, 16), name, displayName: name },
        challenge: random(),
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
        attestation: "none",
        timeout: TIMEOUT_MS,
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const { prf } = made.getClientExtensionResults();
  if (prf?.enabled !== true) throw new PasskeyFailed("passkey-prf");
  const [credential, asText] = [encode(made.rawId), encode(salt)];
  // Most answer only when they are asked again.
  const answer = prf.results?.first;
  return {
    credential,
    salt: asText,
    prf: answer === undefined ? await askPasskey(credential, asText) : encode(answer),
  };
}

/** What it answers to the salt, b64url. Rejects with PasskeyFailed. */
export async function askPasskey(credential: string, salt: string): Promise<string> {
  const found = await asked(
    navigator.credentials.get({
      publicKey: {
        challenge: random(),
        allowCredentials: [{ type: "public-key", id: decode(credential) }],
        userVerification: "required",
        timeout: TIMEOUT_MS,
        extensions: { prf: { eval: { first: decode(salt) } } },
      },
    }),
  );
  const answer = found.getClientExtensionResults().prf?.results?.first;
  if (answer === undefined) throw new PasskeyFailed("passkey-prf");
  return encode(answer);
}

async function asked(asking: Promise<Credential | null>): Promise<PublicKeyCredential> {
  const found = await asking.catch(() => null);
  if (found === null) throw new PasskeyFailed("passkey-refused");
  return found as PublicKeyCredential; // public keys alone were asked for
}

function random(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32));
}

function encode(data: BufferSource): string {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}
