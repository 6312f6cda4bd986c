"""What CI keeps of a story that failed names the step, and a second try is never silent."""

from __future__ import annotations

import pytest
from tests.browser import told

FRAME = """
       6 | test("is fine", async () => {});
       7 | test("never", async ({ page }, info) => {
    >  8 |   await page.getByTestId("zz").click({ timeout: 300 });
         |                                ^
       9 | });
        at /somewhere/web/e2e/zz.spec.ts:8:55
"""
NEVER = f"""    TimeoutError: locator.click: Timeout 300ms exceeded.
    Call log:
      - waiting for getByTestId('zz')

{FRAME}
    Error Context: artifacts/playwright/zz/zz-neverRETRY/error-context.md
"""
# As Playwright 1.65 printed it.
RUN = f"""
Running 3 tests using 1 worker

  ✘  1 e2e/zz.spec.ts:2:1 › a group › comes late (2.1s)
  ✓  2 e2e/zz.spec.ts:2:1 › a group › comes late (retry #1) (1.8s)
  ✓  3 e2e/zz.spec.ts:6:1 › is fine (17ms)
  ✘  4 e2e/zz.spec.ts:7:1 › never (1.1s)
  ✘  5 e2e/zz.spec.ts:7:1 › never (retry #1) (1.1s)


  1) e2e/zz.spec.ts:7:1 › never ────────────────────────────────────────────────────────────────────

{NEVER.replace("RETRY", "")}
    Retry #1 ───────────────────────────────────────────────────────────────────────────────────────

{NEVER.replace("RETRY", "-retry1")}
  2) e2e/zz.spec.ts:2:1 › a group › comes late ─────────────────────────────────

    Error: expect(locator).toHaveText(expected) failed

    Locator:  getByTestId('a')
    > 4 |   await expect(page.getByTestId("a")).toHaveText("bye");

  1 failed
    e2e/zz.spec.ts:7:1 › never ─────────────────────────────────────────────────────────────────────
  1 flaky
    e2e/zz.spec.ts:2:1 › a group › comes late ──────────────────────────────────
  1 passed (19.8s)
"""
CONTEXT = f"""# Instructions

- Following Playwright test failed.

# Test info

- Name: zz.spec.ts >> never

# Page snapshot

```yaml
- main: {"words " * 1000}
```

# Test source

```ts
  1 | import
```"""


def test_every_try_that_failed_is_found_by_its_story() -> None:
    never, late = told.find_failures(RUN)
    assert (never.story, len(never.tries)) == ("zz.spec.ts:7:1 › never", 2)
    assert (late.story, len(late.tries)) == ("zz.spec.ts:2:1 › a group › comes late", 1)
    assert told.find_contexts(RUN) == [
        f"artifacts/playwright/zz/zz-never{retry}/error-context.md" for retry in ("", "-retry1")
    ]


def test_a_story_that_passed_at_its_second_try_is_told_with_its_error() -> None:
    assert told.find_second_tries(RUN) == [
        "zz.spec.ts:2:1 › a group › comes late: Error: expect(locator).toHaveText(expected) failed "
        'at `await expect(page.getByTestId("a")).toHaveText("bye");`'
    ]
    assert told.find_second_tries("\n  2 passed (1.0s)\n") == []


def test_what_failed_stands_first_and_the_page_is_cut() -> None:
    text = told.tell(RUN, "a warning", [CONTEXT])
    assert text.startswith("✘  1 e2e/zz.spec.ts:2:1")
    assert text.index("waiting for getByTestId('zz')") < text.index("a warning") < text.index("on the page")
    assert "> " in text
    assert '8 |   await page.getByTestId("zz").click' in text
    assert "Following Playwright" not in text
    assert "import" not in text
    assert len(text) < 6000


def test_two_stories_with_long_logs_leave_room_for_others() -> None:
    long = NEVER.replace("RETRY", "").replace("- waiting", "- waiting and waiting\n" * 500 + "- waiting")
    run = f"  1) e2e/zz.spec.ts:7:1 › never ────\n\n{long}\n    Retry #1 ───\n\n{long}\n  1 failed\n"
    text = told.tell(run, "", [CONTEXT] * 3)
    assert text.count("TimeoutError") == text.count("/zz.spec.ts:8:55") == 2
    assert len(text) < 11_000


@pytest.mark.parametrize("stdout", ["", "Error: no tests found"])
def test_a_run_without_a_story_tells_what_it_has(stdout: str) -> None:
    assert told.tell(stdout, "no browser", []) == "\n\n".join(part for part in (stdout, "no browser") if part)


def test_a_subtree_stands_for_the_page_where_it_was_taken() -> None:
    assert told.page_of("# Error details\n\n```\nError\n```\n\n```yaml\n- list\n```\n\n# Test source\n") == (
        "on the page:\n```yaml\n- list\n```"
    )
    assert told.page_of("# Error details\n") == ""
