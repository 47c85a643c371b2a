"""tap-bigin: Bigin by Zoho CRM to Singer messages."""
