CREATE TRIGGER credit_burn_is_append_only BEFORE UPDATE OR DELETE ON credits_creditburn
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
