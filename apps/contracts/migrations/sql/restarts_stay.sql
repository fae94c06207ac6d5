-- Whether tiers begin anew is a price as well.
CREATE FUNCTION refuse_signed_restarts_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Contract % is signed: whether its tiers begin anew stays.', OLD.number
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_contract_stays';
END
$$;
CREATE TRIGGER signed_restarts_stay BEFORE UPDATE OF restarts ON contracts_contract
    FOR EACH ROW WHEN (OLD.status <> 'draft' AND OLD.restarts IS DISTINCT FROM NEW.restarts)
    EXECUTE FUNCTION refuse_signed_restarts_change();
