"""Every kind of stream, from its opening to the one place where a record ends."""
