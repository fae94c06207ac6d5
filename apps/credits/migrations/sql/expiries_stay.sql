CREATE TRIGGER credit_expiry_is_append_only BEFORE UPDATE OR DELETE ON credits_creditexpiry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
