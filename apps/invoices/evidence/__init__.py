"""What a customer can check an invoice with: the usage behind each line, and a proof file."""
