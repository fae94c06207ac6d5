-- What lies before a locked month is locked with it, also a month that had no entry yet.
CREATE OR REPLACE FUNCTION refuse_entry_of_locked_month() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_locked boolean;
BEGIN
    SELECT m.status = 'locked' OR EXISTS (
        SELECT FROM ledger_accountingperiod later
        WHERE later.legal_entity_id = m.legal_entity_id AND later.starts_on > m.starts_on AND later.status = 'locked'
    ) INTO is_locked
    FROM ledger_accountingperiod m
    WHERE m.legal_entity_id = NEW.legal_entity_id AND m.starts_on = date_trunc('month', NEW.posted_on::timestamp)::date
    FOR SHARE OF m;
    IF is_locked IS NULL THEN
        RAISE EXCEPTION 'There is no accounting period for %.', NEW.posted_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_are_of_an_accounting_period';
    END IF;
    IF is_locked THEN
        RAISE EXCEPTION 'The books are locked for the month of %. Post on a day of an open month.', NEW.posted_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'locked_months_take_no_entries';
    END IF;
    RETURN NEW;
END
$$;

-- A locked month is locked for good, and none is taken out of the books.
CREATE FUNCTION refuse_unlocking() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.status = 'locked' THEN
        RAISE EXCEPTION 'The books of % are locked for good.', OLD.starts_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'locked_months_stay_locked';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER locked_months_stay_locked BEFORE UPDATE OR DELETE ON ledger_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION refuse_unlocking();
