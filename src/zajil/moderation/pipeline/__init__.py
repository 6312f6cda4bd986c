"""The cascade at work: versions of posts come from the outbox, verdicts and decisions go back."""
