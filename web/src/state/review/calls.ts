/**
 * Calls of /mod/v1. The token lives in this module's memory and nowhere else: a reload asks for the passkey again, and
 * no other page of this origin can read it.
 */

/** A call that was refused: the code of docs/protocol/errors.md. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface Request {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 20_000;
let token: string | undefined;
let ended: () => void = () => undefined;

/** Have the session that these calls are made in; undefined: none. */
export function useToken(next: string | undefined): void {
  token = next;
}

/** Told once the server knows the session no more. */
export function onEnd(listener: () => void): void {
  ended = listener;
}

function address(path: string, query: Request["query"]): URL {
  const url = new URL(`./mod/v1${path}`, document.baseURI);
  url.hash = "";
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

async function codeOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  const code = (problem as { code?: unknown } | null | undefined)?.code;
  if (typeof code === "string") return code;
  return response.status === 429 ? "slow-down" : response.status === 404 ? "gone" : "internal";
}

/** What `read` makes of the answer. Throws Refused; `unreachable` where there is none. */
export async function call<T>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  read: (value: unknown) => T,
  { body, query }: Request = {},
): Promise<T> {
  const used = token;
  const response = await fetch(address(path, query), {
    method,
    headers: {
      ...(used !== undefined && { authorization: `Staff ${used}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => {
    throw new Refused("unreachable");
  });
  if (response.ok) return read(await response.json());
  const code = await codeOf(response);
  if (code === "token-expired" && used !== undefined && used === token) {
    token = undefined;
    ended();
  }
  throw new Refused(code);
}

/** 16 random bytes as the wire has them: the same decision sent again is made once. */
export function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
