"""What makes a client: its settings as they are declared, where Bigin lives, and how both are read."""

from bigin_api.settings.declared import (
    CLIENT_SETTINGS,
    REQUIRED_SETTINGS,
    demanded,
    unknown_settings,
)
from bigin_api.settings.hosts import DATA_CENTERS, Hosts, data_center, is_zoho
from bigin_api.settings.reading import ClientSettings, Credentials, GivenToken, Limits, read_address

__all__ = [
    "CLIENT_SETTINGS",
    "DATA_CENTERS",
    "REQUIRED_SETTINGS",
    "ClientSettings",
    "Credentials",
    "GivenToken",
    "Hosts",
    "Limits",
    "data_center",
    "demanded",
    "is_zoho",
    "read_address",
    "unknown_settings",
]
