"""A value meets its field: converted to what Bigin takes, or refused with the reason."""
