"""The organisation in SQLite: its description, its records, its recycle bin."""
