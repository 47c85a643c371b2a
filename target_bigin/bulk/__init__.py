"""Bulk Write: whether a job pays, its file, its making, and what became of each row."""
