"""Bulk Read jobs: what one asks for, and the file that it gives."""
