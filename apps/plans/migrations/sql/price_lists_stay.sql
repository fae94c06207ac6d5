-- What a list asked for on a day is history: prices of plans were made from it.
CREATE TRIGGER price_list_version_is_append_only BEFORE UPDATE OR DELETE ON plans_pricelistversion
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER listed_price_is_append_only BEFORE UPDATE OR DELETE ON plans_listedprice
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
