DROP TRIGGER allocation_is_within_limits ON payments_allocation;
DROP FUNCTION refuse_allocation_beyond_limits();
