-- Whoever stores events needs their months, and owns nothing: the function acts for the owner, and does this one thing.
CREATE OR REPLACE FUNCTION usage_make_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    next date := (date_trunc('month', month) + interval '1 month')::date;
    name text := 'usage_event_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    IF month NOT BETWEEN '2000-01-01' AND '2099-12-31' THEN
        RAISE EXCEPTION 'No usage is of %.', to_char(month, 'YYYY-MM') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('usage_make_month'));
    -- Asked of the catalogue itself: to_regclass may still remember that the table was not there a moment ago.
    IF NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = current_schema()::regnamespace) THEN
        EXECUTE format('CREATE TABLE %I (LIKE usage_event INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE usage_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, first::text || ' 00:00+00', next::text || ' 00:00+00');
    END IF;
END
$$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION usage_make_month(date) SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION usage_make_month(date) FROM PUBLIC;
