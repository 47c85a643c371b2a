"""What a write call may say, which record it means, and what is stored of it."""
