"""What Bigin would answer to the calls that a dry run does not make, and at what price."""
