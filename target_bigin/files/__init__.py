"""What is kept on disk: id map, fingerprints, journal, job log, reject log."""
