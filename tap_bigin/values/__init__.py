"""What a record looks like: JSON schema, conversion, and what changed since the catalog."""
