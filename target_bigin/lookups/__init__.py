"""Ids for what is known of a record: a value, a source's key, a person's name."""
