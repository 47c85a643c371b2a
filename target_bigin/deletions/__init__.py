"""What triggers deletions, and what stops them."""
