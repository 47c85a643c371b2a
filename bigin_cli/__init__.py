"""The command ``bigin`` for people: one file a subcommand, thin."""
