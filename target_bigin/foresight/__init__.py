"""What a dry run foresees: how each call would end in Bigin, and at what price."""
