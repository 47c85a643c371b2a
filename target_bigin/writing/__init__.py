"""Calls of at most 100 records, and what became of each record."""
