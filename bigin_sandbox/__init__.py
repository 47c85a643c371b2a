"""A local server that behaves as the Bigin v2 API is documented and known to."""
