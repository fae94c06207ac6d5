CREATE TRIGGER correction_is_append_only BEFORE UPDATE OR DELETE ON usage_correction
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reversal_is_append_only BEFORE UPDATE OR DELETE ON usage_reversal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
