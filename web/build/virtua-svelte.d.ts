/**
 * virtua's list for Svelte by the library's own types: `svelte-check --incremental` does not look into the Svelte files of
 * packages (its README). The constructor and the function are what svelte2tsx makes of a component.
 */
import type { ComponentConstructorOptions, SvelteComponent } from "svelte";
import type { VirtualizerHandle, VirtualizerProps } from "../node_modules/virtua/lib/svelte/Virtualizer.type.js";

export type { VirtualizerHandle };
export declare const Virtualizer: {
  new <T>(
    options: ComponentConstructorOptions<VirtualizerProps<T>>,
  ): SvelteComponent<VirtualizerProps<T>> & VirtualizerHandle;
  <T>(internal: unknown, props: VirtualizerProps<T>): VirtualizerHandle;
};
