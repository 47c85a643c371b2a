"""Bulk Write jobs: the uploaded file, its columns and cells, and the result."""
