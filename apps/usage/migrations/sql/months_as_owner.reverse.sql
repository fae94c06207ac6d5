GRANT EXECUTE ON FUNCTION usage_make_month(date) TO PUBLIC;
ALTER FUNCTION usage_make_month(date) SECURITY INVOKER RESET search_path;
