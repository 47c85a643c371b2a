"""The proof: what Bigin has against what was handed on."""
