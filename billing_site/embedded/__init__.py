"""PostgreSQL and Valkey run by the checkout itself, for development, the demo and tests."""
