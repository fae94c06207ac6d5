CREATE TRIGGER customer_alias_is_append_only BEFORE UPDATE OR DELETE ON customers_customeralias
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
