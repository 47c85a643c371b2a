"""What Bigin sends by itself: notifications, and how they get lost."""
