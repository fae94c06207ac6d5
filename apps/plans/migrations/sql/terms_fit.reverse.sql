DROP TRIGGER published_allowances_never_change ON plans_allowance;
CREATE OR REPLACE FUNCTION refuse_published_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status IN ('published', 'retired')
       AND (NEW.plan_id, NEW.number, NEW.currency, NEW.published_at)
           = (OLD.plan_id, OLD.number, OLD.currency, OLD.published_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Version % of the plan is published and cannot change. Make a new version.', OLD.number
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_version_never_changes';
END
$$;

CREATE OR REPLACE FUNCTION refuse_published_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    open_version boolean;
    parent text := CASE TG_TABLE_NAME WHEN 'plans_charge' THEN 'plan_version_id'
                                      WHEN 'plans_price' THEN 'charge_id' ELSE 'price_id' END;
BEGIN
    IF TG_TABLE_NAME = 'plans_charge' THEN
        SELECT v.status = 'draft' INTO open_version FROM plans_planversion v WHERE v.id = touched.plan_version_id;
    ELSIF TG_TABLE_NAME = 'plans_price' THEN
        SELECT v.status = 'draft' INTO open_version
          FROM plans_charge c JOIN plans_planversion v ON v.id = c.plan_version_id WHERE c.id = touched.charge_id;
    ELSE
        SELECT v.status = 'draft' INTO open_version
          FROM plans_price p JOIN plans_charge c ON c.id = p.charge_id
          JOIN plans_planversion v ON v.id = c.plan_version_id WHERE p.id = touched.price_id;
    END IF;
    -- A row stays with its parent, else it could be moved out of a published version.
    IF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> parent) IS DISTINCT FROM (to_jsonb(NEW) ->> parent) THEN
        open_version := false;
    END IF;
    -- Null: the parent goes in the same statement, and its own trigger has agreed.
    IF open_version IS DISTINCT FROM false THEN
        RETURN touched;
    END IF;
    RAISE EXCEPTION 'The plan version is published: its charges and prices cannot change. Make a new version.'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_prices_never_change';
END
$$;

DROP TRIGGER price_with_tiers_keeps_its_model ON plans_price;
DROP FUNCTION refuse_other_model();
DROP TRIGGER tier_has_the_fields_of_its_model ON plans_tier;
DROP FUNCTION refuse_unfit_tier();
ALTER TABLE plans_charge DROP CONSTRAINT charge_shares_an_allowance_of_its_version;
