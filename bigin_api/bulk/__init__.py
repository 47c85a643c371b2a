"""Bulk Read and Bulk Write jobs, their files and the waiting for them."""
