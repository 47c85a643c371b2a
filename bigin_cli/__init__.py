"""The command `bigin`: one file a subcommand, which reads arguments, calls the packages below, and prints."""
