CREATE TRIGGER payment_is_append_only BEFORE UPDATE OR DELETE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocation_is_append_only BEFORE UPDATE OR DELETE ON payments_allocation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
