DROP FUNCTION usage_make_month(date);
DROP TABLE usage_event;
