DROP TRIGGER published_tiers_never_change ON plans_tier;
DROP TRIGGER published_prices_never_change ON plans_price;
DROP TRIGGER published_charges_never_change ON plans_charge;
DROP FUNCTION refuse_published_price_change();
DROP TRIGGER published_version_never_changes ON plans_planversion;
DROP FUNCTION refuse_published_version_change();
