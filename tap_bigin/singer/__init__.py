"""Singer's side: the command, the messages and what is fetched ahead of them."""
