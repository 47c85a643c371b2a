"""Rows inside a record: what they say, how they differ from what is there, how they are written."""
