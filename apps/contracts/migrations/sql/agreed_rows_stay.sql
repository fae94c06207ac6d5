-- What was signed stays as it was: an amendment adds rows, and marks those that it replaces.
CREATE FUNCTION refuse_agreed_row_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_draft boolean;
BEGIN
    SELECT status = 'draft' INTO is_draft FROM contracts_contract WHERE id = OLD.contract_id;
    -- Null: the contract goes in the same statement, as only a draft can.
    IF is_draft IS DISTINCT FROM false THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.removed_by_id IS NULL
       AND to_jsonb(NEW) - 'removed_by_id' = to_jsonb(OLD) - 'removed_by_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The contract is signed: what was agreed stays. Amend the contract.'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_was_agreed_stays';
END
$$;
CREATE TRIGGER agreed_phases_stay BEFORE UPDATE OR DELETE ON contracts_phase
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();
CREATE TRIGGER agreed_seats_stay BEFORE UPDATE OR DELETE ON contracts_seatchange
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();
CREATE TRIGGER agreed_discounts_stay BEFORE UPDATE OR DELETE ON contracts_discount
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();
CREATE TRIGGER agreed_commitments_stay BEFORE UPDATE OR DELETE ON contracts_commitment
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();
CREATE TRIGGER agreed_caps_stay BEFORE UPDATE OR DELETE ON contracts_cap
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();
CREATE TRIGGER promised_grants_stay BEFORE UPDATE OR DELETE ON contracts_promisedgrant
    FOR EACH ROW EXECUTE FUNCTION refuse_agreed_row_change();

CREATE TRIGGER amendments_are_append_only BEFORE UPDATE OR DELETE ON contracts_amendment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A contract is billed in one currency, and a phase lies within it.
CREATE FUNCTION refuse_foreign_phase() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    contract record;
    version record;
BEGIN
    SELECT c.number, c.starts_on, c.ends_on, v.currency INTO contract
      FROM contracts_contract c JOIN plans_planversion v ON v.id = c.plan_version_id WHERE c.id = NEW.contract_id;
    SELECT currency INTO version FROM plans_planversion WHERE id = NEW.plan_version_id;
    IF version.currency <> contract.currency THEN
        RAISE EXCEPTION 'Contract % is in %; a phase in % is refused.', contract.number, contract.currency, version.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'phases_keep_the_currency';
    END IF;
    IF NEW.starts_on < contract.starts_on OR NEW.starts_on >= contract.ends_on THEN
        RAISE EXCEPTION 'A phase from % lies outside of contract %.', NEW.starts_on, contract.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'phases_lie_within_the_contract';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER phases_fit_their_contract BEFORE INSERT ON contracts_phase
    FOR EACH ROW EXECUTE FUNCTION refuse_foreign_phase();
