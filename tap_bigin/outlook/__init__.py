"""What a run would meet and what it would cost, told before it is made."""
