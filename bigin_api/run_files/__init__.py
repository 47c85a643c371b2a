"""What a run leaves behind for people: the API log, read and summed up, and the report of the run."""
