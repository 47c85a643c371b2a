"""A small, typed, thread-safe client of the Bigin v2 API."""

from bigin_api.bulk.bulk_read import BulkRead, BulkReadJob
from bigin_api.bulk.bulk_results import RowError, RowResult, read_results
from bigin_api.bulk.bulk_write import BulkWrite, BulkWriteJob, FieldMapping
from bigin_api.bulk.csv_archive import CsvArchive, read_rows
from bigin_api.client import Client, Labelled
from bigin_api.endpoints.coql import Coql
from bigin_api.endpoints.metadata import Metadata
from bigin_api.endpoints.organization import Organization
from bigin_api.endpoints.records import Records
from bigin_api.endpoints.related import Related
from bigin_api.endpoints.results import Page, WriteResult
from bigin_api.endpoints.tags import Tags
from bigin_api.errors import (
    ArchiveRefused,
    AuthError,
    BiginError,
    BulkJobFailed,
    BulkJobUnfinished,
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
    Refused,
    ScopeMissing,
    ServerError,
    SettingsError,
    TransientError,
)
from bigin_api.http.calls import Call, Reply
from bigin_api.http.meter import Spent
from bigin_api.in_flight import InFlight
from bigin_api.models import CustomView, Field, Layout, Module, PickListValue, RelatedList
from bigin_api.settings import CLIENT_SETTINGS, ClientSettings, unknown_settings

__all__ = [
    "CLIENT_SETTINGS",
    "ArchiveRefused",
    "AuthError",
    "BiginError",
    "BulkJobFailed",
    "BulkJobUnfinished",
    "BulkRead",
    "BulkReadJob",
    "BulkWrite",
    "BulkWriteJob",
    "Call",
    "Client",
    "ClientClosed",
    "ClientSettings",
    "ConnectionFailed",
    "Coql",
    "CreditBudgetReached",
    "CsvArchive",
    "CustomView",
    "Field",
    "FieldMapping",
    "InFlight",
    "InvalidRequest",
    "Labelled",
    "Layout",
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
    "QueryRefused",
    "RateLimited",
    "Records",
    "Refused",
    "Related",
    "RelatedList",
    "Reply",
    "RowError",
    "RowResult",
    "ScopeMissing",
    "ServerError",
    "SettingsError",
    "Spent",
    "Tags",
    "TransientError",
    "WriteResult",
    "read_results",
    "read_rows",
    "unknown_settings",
]
