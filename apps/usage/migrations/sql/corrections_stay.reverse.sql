DROP TRIGGER reversal_is_append_only ON usage_reversal;
DROP TRIGGER correction_is_append_only ON usage_correction;
