"""Who may do what, how often and at what price: tokens, permissions, credits."""
