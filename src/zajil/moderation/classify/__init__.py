"""Stage 3: eight linear heads over hashed n-grams, calibrated per language. Source: design/moderation.md section 7."""
