-- An allowance is shared by charges of its own version.
ALTER TABLE plans_charge ADD CONSTRAINT charge_shares_an_allowance_of_its_version
    FOREIGN KEY (allowance_id, plan_version_id) REFERENCES plans_allowance (id, plan_version_id)
    DEFERRABLE INITIALLY DEFERRED;

-- A tier has the fields that the model of its price reads.
CREATE FUNCTION refuse_unfit_tier() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_model text;
BEGIN
    SELECT model INTO of_model FROM plans_price WHERE id = NEW.price_id;
    IF of_model IN ('graduated', 'volume') AND NEW.unit_amount IS NOT NULL AND NEW.rate IS NULL
       OR of_model = 'graduated_percentage' AND NEW.rate IS NOT NULL AND NEW.unit_amount IS NULL AND NEW.package_size IS NULL
       OR of_model = 'stairstep' AND NEW.rate IS NULL AND NEW.unit_amount IS NULL AND NEW.package_size IS NULL
       OR of_model IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A tier of a % price has other fields.', of_model
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tier_has_the_fields_of_its_model';
END
$$;
CREATE TRIGGER tier_has_the_fields_of_its_model BEFORE INSERT OR UPDATE ON plans_tier
    FOR EACH ROW EXECUTE FUNCTION refuse_unfit_tier();

CREATE FUNCTION refuse_other_model() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.model = OLD.model OR NOT EXISTS (SELECT FROM plans_tier WHERE price_id = NEW.id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The price has tiers of a % price. Remove them first.', OLD.model
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tier_has_the_fields_of_its_model';
END
$$;
CREATE TRIGGER price_with_tiers_keeps_its_model BEFORE UPDATE OF model ON plans_price
    FOR EACH ROW EXECUTE FUNCTION refuse_other_model();

-- A published version may only be retired, once.
CREATE OR REPLACE FUNCTION refuse_published_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND (TG_OP = 'DELETE' OR NEW.status <> 'retired') THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'published'
       AND (NEW.status, NEW.retired_at IS NULL) IN (('published', true), ('retired', false))
       AND to_jsonb(NEW) - 'status' - 'retired_at' = to_jsonb(OLD) - 'status' - 'retired_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Version % of the plan is % and cannot change so. Make a new version.', OLD.number, OLD.status
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_version_never_changes';
END
$$;

CREATE OR REPLACE FUNCTION refuse_published_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    open_version boolean;
    parent text := CASE TG_TABLE_NAME WHEN 'plans_price' THEN 'charge_id' WHEN 'plans_tier' THEN 'price_id'
                                      ELSE 'plan_version_id' END;
BEGIN
    IF TG_TABLE_NAME IN ('plans_charge', 'plans_allowance') THEN
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
CREATE TRIGGER published_allowances_never_change BEFORE INSERT OR UPDATE OR DELETE ON plans_allowance
    FOR EACH ROW EXECUTE FUNCTION refuse_published_price_change();
