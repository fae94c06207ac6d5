-- Whose books owe a grant: its customer's seller's. What was paid for it was in the currency of its contract, else of the
-- customer's latest one. Where there is none nobody but the seller's staff knows, as of a new grant: so it is asked for.
DO $$
DECLARE
    unknown text;
BEGIN
    SELECT string_agg(g.key, ', ' ORDER BY g.key) INTO unknown FROM credits_creditgrant g
    WHERE g.cost > 0 AND NOT EXISTS (SELECT FROM contracts_contract k WHERE k.customer_id = g.customer_id);
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'Credit grants were paid for by customers without a contract, so in no known currency: %.', unknown
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_that_cost_something_says_in_what',
                  HINT = 'Draft a contract of the customer in the currency that was paid, or set the cost to 0; then migrate again.';
    END IF;
END
$$;
UPDATE credits_creditgrant AS g SET
    legal_entity_id = c.legal_entity_id,
    cost_currency = CASE WHEN g.cost = 0 THEN '' ELSE (
        SELECT v.currency FROM contracts_contract k JOIN plans_planversion v ON v.id = k.plan_version_id
        WHERE k.customer_id = g.customer_id
        ORDER BY k.id = g.contract_id DESC NULLS LAST, k.starts_on DESC LIMIT 1
    ) END
FROM customers_customer AS c WHERE c.id = g.customer_id;
-- What is owed back is money, no credits any more.
UPDATE credits_creditgrant AS g SET "left" = 0
FROM credits_refundowed AS r WHERE r.grant_id = g.id AND r.counted_at IS NOT NULL;
-- The table is changed in the same transaction.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
