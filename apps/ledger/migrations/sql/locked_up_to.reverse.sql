DROP TRIGGER locked_months_stay_locked ON ledger_accountingperiod;
DROP FUNCTION refuse_unlocking();
CREATE OR REPLACE FUNCTION refuse_entry_of_locked_month() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_locked boolean;
BEGIN
    SELECT m.status = 'locked' INTO is_locked
    FROM ledger_accountingperiod m
    WHERE m.legal_entity_id = NEW.legal_entity_id AND m.starts_on = date_trunc('month', NEW.posted_on::timestamp)::date
    FOR SHARE;
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
