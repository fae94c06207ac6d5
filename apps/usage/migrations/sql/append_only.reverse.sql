DROP TRIGGER receipt_is_append_only ON usage_receipt;
DROP TRIGGER event_key_is_append_only ON usage_eventkey;
DROP TRIGGER event_is_append_only ON usage_event;
