"""The kinds of streams, a file each: what it is, where its definitions come from, how it is read."""
