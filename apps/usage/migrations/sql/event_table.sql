CREATE TABLE usage_event (
    customer_id uuid NOT NULL,
    "time" timestamptz NOT NULL,
    key varchar(500) NOT NULL,
    contract_id uuid NOT NULL,
    type varchar(100) NOT NULL,
    quantity numeric(40, 18) NOT NULL,
    properties jsonb NOT NULL,
    day date NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, "time", key)
) PARTITION BY RANGE ("time");
COMMENT ON TABLE usage_event IS 'One counted event; append-only, one partition per month (UTC) of event time';
COMMENT ON COLUMN usage_event.key IS 'The caller''s id of the event';
COMMENT ON COLUMN usage_event.day IS 'Local day in the contract''s time zone';

CREATE TABLE usage_event_other PARTITION OF usage_event DEFAULT;
COMMENT ON TABLE usage_event_other IS 'Safety net: months are made ahead, so this stays empty';

-- Made apart and then attached: attaching, unlike making a partition in place, lets ingest of other months go on.
CREATE FUNCTION usage_make_month(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    next date := (date_trunc('month', month) + interval '1 month')::date;
    name text := 'usage_event_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
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
COMMENT ON FUNCTION usage_make_month(date) IS 'Makes the partition of a month of events, if it is not there';
