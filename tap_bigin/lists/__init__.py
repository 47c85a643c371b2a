"""A scan of a module by list pages, its borders proven."""
