"""What a person met by a decision is told, and what they can do about it (DSA Art. 17 and 20)."""
