"""What the feed's log tells a run: who changed since the position, and which streams are to be swept."""
