"""What a record says of other records becomes their ids."""
