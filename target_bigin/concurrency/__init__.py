"""Waiting for calls without blocking the reading of the input."""
