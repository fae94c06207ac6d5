"""Proving finalized invoices: what they say is what was sealed, numbered, posted, and what the events come to."""
