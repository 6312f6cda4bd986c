/** Control calls over HTTP (service.md 5); twin of zajil.client.shell.calls. */
import * as control from "../../protocol/control.ts";
import { error } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import type { Caller } from "../transports/base.ts";

export const TIMEOUT_MS = 30_000;

/** What a call may carry. */
export interface CallParts {
  /** JSON fields, or bytes as they are. */
  readonly request?: control.Json;
  /** Value of the Authorization header, as `deviceAuth` and `contactAuth` make it. */
  readonly auth?: string;
  /** With its question mark. */
  readonly query?: string;
  /** 16 bytes that repeat with the same request: the server carries it out once. */
  readonly idempotency?: Uint8Array;
  /** Values for the `{names}` of the route's path. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Gives the call up; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Typed calls to one server. Reject with the server's refusal, or Unreachable when no answer came. */
export class Calls {
  readonly #transport: Caller;

  constructor(transport: Caller) {
    this.#transport = transport;
  }

  /** The answer of a call. Throws LocalProtocolError where the authorisation does not fit the route. */
  async call<T>(route: control.Route<T>, parts: CallParts = {}): Promise<T> {
    const { request, auth = "", query = "", idempotency, parameters = {}, signal } = parts;
    checkAuth(route, auth);
    const octets = request instanceof Uint8Array;
    const headers: Record<string, string> = {};
    if (auth) headers["Authorization"] = auth;
    if (idempotency) headers["Idempotency-Key"] = encodeB64(idempotency);
    if (request !== undefined) headers["Content-Type"] = octets ? control.OCTETS_TYPE : control.JSON_TYPE;
    const found = await this.#transport.call({
      method: route.method,
      path: control.urlOf(route, parameters) + query,
      headers,
      body: request === undefined ? undefined : octets ? request : control.encodeJson(request),
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    if (found.status >= 400) throw control.parseProblem(found.status, found.body);
    if (route.answer) return control.parseJson(found.body, route.answer);
    return found.body as T; // a route without a reader answers bytes
  }
}

const KINDS: Readonly<Record<string, control.Auth>> = {
  "Device ": "device",
  "Contact ": "contact",
  "Token ": "token",
};

function checkAuth(route: control.Route<unknown>, auth: string): void {
  const kind = KINDS[auth.slice(0, auth.indexOf(" ") + 1)] ?? "none";
  if (!route.auth.includes(kind)) throw error("wrong-call", "authorisation of another kind");
}

/** Authorization of a device with its session token, in text form. */
export const deviceAuth = (token: string): string => `Device ${token}`;
/** Authorization by a contact token, 32 bytes. */
export const contactAuth = (token: Uint8Array): string => `Contact ${encodeB64(token)}`;
/** Authorization by a token of private bridges, 32 bytes. */
export const tokenAuth = (token: Uint8Array): string => `Token ${encodeB64(token)}`;
