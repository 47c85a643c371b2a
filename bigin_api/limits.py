"""Every limit and price of Bigin, each with its source."""

from __future__ import annotations

from datetime import timedelta

# Reading
MAX_FIELDS_PER_CALL = 50  # get-records: `fields`
RECORDS_PER_PAGE = 200  # get-records: `per_page`
MAX_RECORDS_BY_PAGE = 2_000  # get-records: `page` ends here, `page_token` goes on
MAX_RECORDS_BY_TOKEN = 100_000  # get-records (sister API): the end of a chain of tokens
MAX_IDS_PER_CALL = 100  # `ids` of get-records: assumed, no source gives a maximum
DELETED_MODULES = frozenset(
    ("Accounts", "Calls", "Contacts", "Events", "Pipelines", "Products", "Tasks")
)  # get-deleted-records
EMAILS_PER_PAGE = 10  # related list Emails (sister API)

# COQL (get-records-coql)
COQL_MAX_ROWS = 200
COQL_MAX_WINDOW = 10_000  # offset + limit
COQL_MAX_COLUMNS = 50
COQL_MAX_CRITERIA = 25
COQL_MAX_IN_VALUES = 50

# Bulk Read (bulk-read/limitations)
RECORDS_PER_BULK_READ = 200_000
BULK_READ_DOWNLOADS_PER_MINUTE = 10
BULK_READ_MODULES = DELETED_MODULES  # the same seven
BULK_RESULT_LIFETIME = timedelta(days=1)
MAX_JOINS_PER_BULK_READ = 2  # create-job (sister API)

# Writing
MAX_RECORDS_PER_WRITE = 100  # insert-records, update-records, upsert-records, delete-records
MAX_IDS_PER_TAG_CALL = 500  # add-tags
MAX_RECORDS_PER_BULK_WRITE = 25_000  # bulk-write/limitations
MAX_BYTES_PER_BULK_WRITE = 25 * 1024 * 1024  # bulk-write/limitations
MAX_COLUMNS_PER_BULK_WRITE = 200  # bulk-write/limitations
BULK_WRITE_MODULES = frozenset(("Contacts", "Accounts", "Pipelines", "Products"))  # bulk-write/limitations

# Prices in credits (api-limits)
CREDITS_PER_CALL = 1
CREDITS_PER_VIEW_PAGE = 3  # get-records with `cvid`
RECORDS_PER_WRITE_CREDIT = 10
RECORDS_PER_TAG_CREDIT = 50
BULK_READ_CREDITS = 50
BULK_WRITE_CREDITS = 500

# Concurrency (api-limits): 10 calls at once, 5 on the free edition
MAX_CONCURRENT_REQUESTS = 10
SAFE_CONCURRENT_REQUESTS = 5

ACCESS_TOKEN_LIFETIME = timedelta(hours=1)  # auth-request: expires_in


def write_credits(records: int) -> int:
    """Price of one insert, update or upsert call.

    >>> write_credits(1), write_credits(10), write_credits(100)
    (1, 1, 10)
    """
    return max(1, -(-records // RECORDS_PER_WRITE_CREDIT))


def tag_credits(records: int) -> int:
    """Price of one call that adds or removes tags.

    >>> tag_credits(50), tag_credits(51)
    (1, 2)
    """
    return max(1, -(-records // RECORDS_PER_TAG_CREDIT))
