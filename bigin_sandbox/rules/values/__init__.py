"""What a sent value becomes, for every kind of field, and what is refused."""
