"""What members say to each other inside MLS: content, control parts, group settings, AAD."""
