"""What tests ask of the sandbox beside the API: people at work, faults, and what has been counted."""
