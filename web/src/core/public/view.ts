/** What crosses between a tab and the worker about the public space. */

/** A public identity of this account. */
export interface OwnPersona {
  /** 0..2. */
  readonly number: number;
  readonly persona_id: string;
  readonly handle: string;
  readonly display_name: string;
}

export interface PublicCalls {
  /** The personas of this account. again: as the server knows them, not as they were when last asked for. */
  personas(a: { again: boolean }): readonly OwnPersona[];
  create_persona(a: { handle: string; display_name: string }): OwnPersona;
  /**
   * One call of the public space; the text of its answer, JSON. as: number of the persona that makes it, absent for
   * nobody. path: below /pub/v1. once: b64 of 16 bytes that repeat with the same request, which is carried out once.
   */
  public_call(a: { as?: number; method: string; path: string; body?: string; once?: string }): string;
}
