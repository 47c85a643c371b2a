"""COQL: what a query says, and whether it may be asked."""
