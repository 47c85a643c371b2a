"""A small, typed, thread-safe client of the Bigin v2 API."""

from bigin_api.calls import Call, Reply, Sender
from bigin_api.client import Client, Labelled
from bigin_api.coql import Coql, QueryPage
from bigin_api.credits import Spent
from bigin_api.errors import (
    AuthError,
    BiginError,
    ClientClosed,
    ConnectionFailed,
    CreditBudgetReached,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    PageTokenRefused,
    PaginationLimit,
    PermissionDenied,
    QueryRefused,
    RateLimited,
    RecordError,
    ScopeMissing,
    ServerError,
    SettingsError,
    TransientError,
)
from bigin_api.in_flight import InFlight
from bigin_api.metadata import CustomView, Field, Layout, Metadata, Module, PickListValue, RelatedList
from bigin_api.organization import Organization
from bigin_api.records import Page, Records, WriteResult
from bigin_api.related import Related
from bigin_api.settings import CLIENT_SETTINGS, ClientSettings, Credentials, Limits
from bigin_api.tags import Tags

__all__ = [
    "CLIENT_SETTINGS",
    "AuthError",
    "BiginError",
    "Call",
    "Client",
    "ClientClosed",
    "ClientSettings",
    "ConnectionFailed",
    "Coql",
    "Credentials",
    "CreditBudgetReached",
    "CustomView",
    "Field",
    "InFlight",
    "InvalidRequest",
    "Labelled",
    "Layout",
    "Limits",
    "Metadata",
    "Module",
    "ModuleUnavailable",
    "NotFound",
    "Organization",
    "Page",
    "PageTokenRefused",
    "PaginationLimit",
    "PermissionDenied",
    "PickListValue",
    "QueryPage",
    "QueryRefused",
    "RateLimited",
    "RecordError",
    "Records",
    "Related",
    "RelatedList",
    "Reply",
    "ScopeMissing",
    "Sender",
    "ServerError",
    "SettingsError",
    "Spent",
    "Tags",
    "TransientError",
    "WriteResult",
]
