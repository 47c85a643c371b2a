"""How credentials are got and what they are good for: scopes, the device flow, grant codes."""
