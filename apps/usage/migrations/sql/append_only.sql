CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON usage_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_key_is_append_only BEFORE UPDATE OR DELETE ON usage_eventkey
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipt_is_append_only BEFORE UPDATE OR DELETE ON usage_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
