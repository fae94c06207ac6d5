-- What is priced or billed together is in one currency, and on the same days.
CREATE FUNCTION refuse_unfit_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT NULL AND (NEW.usage = 'pooled' OR NEW.billing = 'parent') AND NOT EXISTS (
        SELECT FROM contracts_contract parent
          JOIN plans_planversion of_parent ON of_parent.id = parent.plan_version_id
          JOIN plans_planversion own ON own.id = NEW.plan_version_id
         WHERE parent.id = NEW.parent_id AND of_parent.currency = own.currency
           AND (parent.billing_months, parent.anchor_day, parent.timezone) = (NEW.billing_months, NEW.anchor_day, NEW.timezone)
    ) THEN
        RAISE EXCEPTION 'Contract % has another currency, calendar or time zone than its parent.', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parent_is_billed_alike';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER parents_fit BEFORE INSERT OR UPDATE OF parent_id, usage, billing, plan_version_id, billing_months, anchor_day, timezone
    ON contracts_contract FOR EACH ROW EXECUTE FUNCTION refuse_unfit_parent();
