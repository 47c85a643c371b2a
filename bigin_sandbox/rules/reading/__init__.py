"""Which records and fields a list shows, page by page, and the SQL that finds them."""
