"""What Schemathesis loads beside its own checks: ours."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

CALLER = os.environ.get("ZAJIL_CALLER", "")
"""The scheme of the Authorization header that is sent, if any."""


@schemathesis.check
def guarded(_context: CheckContext, response: Response, case: Case[Any]) -> None:  # Any: as its base has it
    """A call for other callers than this one is refused, whatever is asked."""
    schemes = {name for each in case.operation.definition.raw.get("security", [{}]) for name in each or {"": []}}
    if response.status_code < 400 and not schemes & {CALLER, *([] if CALLER else [""])}:
        raise AssertionError(f"{response.status_code} for {CALLER or 'nobody'}, where only {sorted(schemes)} may call")
