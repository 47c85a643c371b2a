"""A stream meets its module: which property goes to which field, and what tells a record."""
