"""A scan of a module by Bulk Read jobs."""
