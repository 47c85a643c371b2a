"""What a run leaves behind for people, and where it speaks: API log, report, standard streams."""
