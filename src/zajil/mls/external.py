"""External Commits: a client lets itself in through a GroupInfo (RFC 9420 12.4.3.2). Off by default."""

from zajil.mls.env import Env
from zajil.mls.epoch import Outcome, Snapshot
from zajil.mls.errors import Invalid
from zajil.mls.messages.framing import AuthenticatedContent
from zajil.mls.messages.proposals import Commit


def verify_external_commit(env: Env, group: Snapshot, signed: AuthenticatedContent, commit: Commit) -> Outcome:
    """The verified outcome of an external Commit; raises Invalid X1, X2 and the rules of any Commit."""
    if not env.policy.external_commits:
        raise Invalid("X1", "not allowed by policy")
    raise Invalid("X1", "not implemented yet")
