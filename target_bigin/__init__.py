"""target-bigin: Singer messages to Bigin by Zoho CRM."""
