/** The personas of this account, and the one that writes and follows on this browser. */
import { untrack } from "svelte";
import type { OwnPersona } from "../../core/api.ts";
import { Ask, Press } from "../ask.svelte.ts";
import { browser, call } from "../host.ts";
import type { Persona } from "./shapes.ts";
import { type As, deletePersona, findPersona, renamePersona } from "./space.ts";

class Personas {
  readonly list = new Ask<readonly OwnPersona[]>(() => this.#load());
  #chosen = $state(0);
  #again = false;
  #coming: Promise<void> | undefined;

  /** The persona in use; undefined where there is none. */
  readonly current = $derived(this.list.value?.find(({ number }) => number === this.#chosen) ?? this.list.value?.[0]);

  /** Its number; stays the same value while its name changes. */
  readonly as: As = $derived(this.current?.number);

  /** Once they are known, or could not be asked for: until then nobody knows as whom to call. */
  async known(): Promise<As> {
    this.#coming ??= this.list.refresh();
    await this.#coming;
    if (this.list.value === undefined) this.#coming = undefined;
    return this.as;
  }

  /** For an effect: begin once it is known as whom, and anew where that changes. */
  begin(work: () => () => void): (() => void) | undefined {
    if (this.list.loading) {
      void this.known();
      return undefined;
    }
    void this.as;
    return untrack(work);
  }

  /** Use this one from now on. */
  choose(number: number): void {
    this.#chosen = number;
    browser().writePreference("persona", String(number));
  }

  async create(handle: string, displayName: string): Promise<OwnPersona> {
    const made = await call("create_persona", { handle, display_name: displayName });
    await this.list.refresh();
    this.choose(made.number);
    return made;
  }

  async rename(persona: OwnPersona, name: string): Promise<void> {
    await renamePersona(persona.number, persona.persona_id, name);
    await this.#lookAgain();
  }

  async delete(persona: OwnPersona): Promise<void> {
    await deletePersona(persona.number, persona.persona_id);
    await this.#lookAgain();
  }

  async #lookAgain(): Promise<void> {
    this.#again = true;
    await this.list.refresh();
  }

  async #load(): Promise<readonly OwnPersona[]> {
    const again = this.#again;
    const found = await call("personas", { again });
    this.#again = false;
    this.#chosen = Number(browser().readPreference("persona") ?? 0);
    return found;
  }
}

export const personas = new Personas();

/** One own persona on its page: how far it is trusted, and what can be done with it. */
export class OnePersona {
  readonly own: OwnPersona;
  readonly standing: Ask<Persona>;
  readonly press = new Press();

  constructor(own: OwnPersona) {
    this.own = own;
    this.standing = new Ask(() => findPersona(own.number, own.persona_id));
  }
}

/** Handle and name become a persona. */
export class NewPersona {
  handle = $state("");
  name = $state("");
  readonly press = new Press();

  create(): Promise<OwnPersona | undefined> {
    return this.press.run(() => personas.create(this.handle.trim().replace(/^@/, ""), this.name.trim()));
  }
}
