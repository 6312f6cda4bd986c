/** All that is shown of permissions of groups and links into them, as one chunk. */
export { default as Group } from "./Group.svelte";
export { default as MyRequests } from "./MyRequests.svelte";
export { default as OpenedGroup } from "./OpenedGroup.svelte";
