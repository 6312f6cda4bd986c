/** This account as tabs see it, and what the device itself carries out for it; the calls are in `lazy/account`. */
import type { Me } from "../api.ts";
import type { Profile } from "../state/rows.ts";

/** The beginnings and ends of an account here, which the device itself carries out. */
export interface Opening {
  /** The account is made and stored: begin to receive and send. */
  opened(): Promise<void>;
  /** The store begins anew as the same device: try the server again. */
  recovered(): Promise<void>;
  /** The account is no more: erase this browser. */
  ended(): Promise<void>;
}

/** Who we are, as tabs see it. */
export function meOf(profile: Profile): Me {
  return {
    account: profile.account_id,
    device: profile.device_id,
    name: profile.name,
    server_name: profile.server_name,
  };
}
