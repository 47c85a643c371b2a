"""A plausible organisation, the same for the same seed."""

from bigin_sandbox.seed.kept import SeededOrganisations

__all__ = ["SeededOrganisations"]
