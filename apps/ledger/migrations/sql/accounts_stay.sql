-- An account is renamed and given another code; what it is for and whose it is stays, since months that are locked are told by it.
CREATE FUNCTION refuse_other_account() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'Account % keeps its legal entity, role and kind. Rename it, or change its code.', OLD.code
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'accounts_stay_what_they_are';
END
$$;
CREATE TRIGGER accounts_stay_what_they_are BEFORE UPDATE ON ledger_account
    FOR EACH ROW WHEN ((OLD.id, OLD.legal_entity_id, OLD.role, OLD.kind) IS DISTINCT FROM (NEW.id, NEW.legal_entity_id, NEW.role, NEW.kind))
    EXECUTE FUNCTION refuse_other_account();
CREATE TRIGGER accounts_are_never_removed BEFORE DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
