"""A small, typed, thread-safe client of the Bigin v2 API."""
