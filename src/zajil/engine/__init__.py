"""What has, or is meant to have, two real implementations: SQL storage and wake-ups; and limits and the key file."""
