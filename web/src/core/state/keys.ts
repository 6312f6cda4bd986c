/** The keys of this device as the rules see them: what they sign, never what they are. */

export interface Keys {
  /** 32 bytes, the leaf key of this device. */
  readonly devicePub: Uint8Array;
  /** 32 bytes, the newest key of the account. */
  readonly accountPub: Uint8Array;
  /** Ed25519 signature of the device key, 64 bytes. */
  signDevice(data: Uint8Array): Promise<Uint8Array>;
  /** Ed25519 signature of the account key, 64 bytes. Only after a press: to register and to link a device. */
  signAccount(data: Uint8Array): Promise<Uint8Array>;
  /** The account seed, 32 bytes, to hand to a device that is being linked. Only after a press. */
  openAccountSeed(): Promise<Uint8Array>;
}
