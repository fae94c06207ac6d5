-- A signed contract keeps its customer, first plan, days and calendar: prices and periods of what was billed hang on them.
CREATE FUNCTION refuse_signed_contract_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status <> 'draft'
       AND (NEW.number, NEW.customer_id, NEW.plan_version_id, NEW.timezone, NEW.starts_on, NEW.billing_months, NEW.anchor_day)
         = (OLD.number, OLD.customer_id, OLD.plan_version_id, OLD.timezone, OLD.starts_on, OLD.billing_months, OLD.anchor_day) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Contract % is signed: its customer, plan, first day and calendar stay. Amend it, or end it.', OLD.number
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_contract_stays';
END
$$;
CREATE TRIGGER signed_contracts_stay BEFORE UPDATE OR DELETE ON contracts_contract
    FOR EACH ROW EXECUTE FUNCTION refuse_signed_contract_change();

-- What is added to a signed contract names the amendment that adds it.
CREATE FUNCTION refuse_unamended_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.added_by_id IS NULL AND NOT EXISTS (
        SELECT FROM contracts_contract WHERE id = NEW.contract_id AND status = 'draft'
    ) THEN
        RAISE EXCEPTION 'The contract is signed: what is added to it names its amendment.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_contract_is_amended';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER phases_name_their_amendment BEFORE INSERT ON contracts_phase
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();
CREATE TRIGGER seats_name_their_amendment BEFORE INSERT ON contracts_seatchange
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();
CREATE TRIGGER discounts_name_their_amendment BEFORE INSERT ON contracts_discount
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();
CREATE TRIGGER commitments_name_their_amendment BEFORE INSERT ON contracts_commitment
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();
CREATE TRIGGER caps_name_their_amendment BEFORE INSERT ON contracts_cap
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();
CREATE TRIGGER grants_name_their_amendment BEFORE INSERT ON contracts_promisedgrant
    FOR EACH ROW EXECUTE FUNCTION refuse_unamended_row();

-- A draft's phases may be changed, but not so that they no longer fit.
CREATE TRIGGER phases_still_fit_their_contract BEFORE UPDATE OF contract_id, plan_version_id, starts_on ON contracts_phase
    FOR EACH ROW EXECUTE FUNCTION refuse_foreign_phase();

-- A draft's plan and days may be changed after its phases were agreed; what is signed fits.
CREATE FUNCTION refuse_unfit_phases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM contracts_phase phase
          JOIN plans_planversion later ON later.id = phase.plan_version_id
          JOIN plans_planversion first ON first.id = NEW.plan_version_id
         WHERE phase.contract_id = NEW.id AND phase.removed_by_id IS NULL
           AND (later.currency <> first.currency OR phase.starts_on < NEW.starts_on OR phase.starts_on >= NEW.ends_on)
    ) THEN
        RAISE EXCEPTION 'Contract % has a phase outside of its days, or in another currency.', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'phases_lie_within_the_contract';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER phases_fit_when_signed BEFORE UPDATE OF status ON contracts_contract
    FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status <> 'draft') EXECUTE FUNCTION refuse_unfit_phases();
