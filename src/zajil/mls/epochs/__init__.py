"""One epoch as values, and the step to the next: changes, key schedule, what is kept."""
