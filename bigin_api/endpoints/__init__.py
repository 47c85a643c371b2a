"""Bigin's endpoints, one file a family: what each is asked and what it answers."""
