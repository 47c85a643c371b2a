"""What this token can read, asked of Bigin's metadata or taken from the catalog."""
