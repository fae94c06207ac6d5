CREATE TRIGGER event_type_alias_is_append_only BEFORE UPDATE OR DELETE ON plans_eventtypealias
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
