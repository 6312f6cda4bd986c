/** What leads to a screen: a scene, a fragment, presses. */
import type { Page } from "@playwright/test";

export interface Screen {
  readonly name: string;
  readonly scene: string;
  /** A page of its own beside the messenger; passkeys want it under a name. */
  readonly page?: "review";
  readonly fragment?: string;
  /** Test id that is there when the screen is. */
  readonly ready: string;
  readonly steps?: (page: Page) => Promise<void>;
  /** Photographed on its own, not in the pseudo-locale. */
  readonly plain?: boolean;
}

export const press =
  (id: string) =>
  async (page: Page): Promise<void> => {
    await page.getByTestId(id).first().click();
  };
export const seeing =
  (id: string, then: string) =>
  async (page: Page): Promise<void> => {
    await press(id)(page);
    await page.getByTestId(then).first().waitFor();
  };

/** Into the field that takes links and codes. */
export async function paste(page: Page, text: string): Promise<void> {
  await page.getByTestId("code-field").fill(text);
  await page.getByTestId("code-use").click();
  await page.locator('[data-testid="scan-found"], [data-testid="bridges-found"], [role="alert"]').first().waitFor();
}
