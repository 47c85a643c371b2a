"""A small, typed, thread-safe client of the Bigin v2 API."""

from bigin_api.bulk_read import BulkRead, BulkReadJob
from bigin_api.bulk_results import RowError, RowResult, read_results
from bigin_api.bulk_write import BulkWrite, BulkWriteJob, FieldMapping
from bigin_api.calls import Call, Reply, Sender
from bigin_api.client import Client, Labelled
from bigin_api.coql import Coql, QueryPage
from bigin_api.credits import Spent
from bigin_api.csv_archive import CsvArchive, read_rows
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
    RecordError,
    ScopeMissing,
    ServerError,
    SettingsError,
    TransientError,
)
from bigin_api.in_flight import InFlight
from bigin_api.metadata import CustomView, Field, Layout, Module, PickListValue, RelatedList
from bigin_api.metadata_calls import Metadata
from bigin_api.organization import Organization
from bigin_api.records import Records
from bigin_api.related import Related
from bigin_api.results import Page, WriteResult
from bigin_api.settings import CLIENT_SETTINGS, ClientSettings, Credentials, Limits
from bigin_api.tags import Tags

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
    "Credentials",
    "CreditBudgetReached",
    "CsvArchive",
    "CustomView",
    "Field",
    "FieldMapping",
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
    "RowError",
    "RowResult",
    "ScopeMissing",
    "Sender",
    "ServerError",
    "SettingsError",
    "Spent",
    "Tags",
    "TransientError",
    "WriteResult",
    "read_results",
    "read_rows",
]
