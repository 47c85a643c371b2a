"""Where a command has its settings from: a file, or the Meltano project around."""
