"""Search: its parameters and the grammar of its criteria."""
