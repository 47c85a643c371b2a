"""What comes in: lines from a pipe, lines of files that a BATCH message names, and what each of them says."""
