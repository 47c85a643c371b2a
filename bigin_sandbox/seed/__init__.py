"""A plausible organisation, the same for the same seed."""

from bigin_sandbox.seed.seeding import seed_organisation

__all__ = ["seed_organisation"]
