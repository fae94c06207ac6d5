-- Whose books owe a grant: its customer's seller's. What was paid for it was in the currency of its contract, else of the
-- customer's latest one; XXX (ISO 4217: no currency) where the customer has none.
UPDATE credits_creditgrant AS g SET
    legal_entity_id = c.legal_entity_id,
    cost_currency = CASE WHEN g.cost = 0 THEN '' ELSE coalesce(
        (
            SELECT v.currency FROM contracts_contract k JOIN plans_planversion v ON v.id = k.plan_version_id
            WHERE k.customer_id = g.customer_id
            ORDER BY k.id = g.contract_id DESC NULLS LAST, k.starts_on DESC LIMIT 1
        ),
        'XXX'
    ) END
FROM customers_customer AS c WHERE c.id = g.customer_id;
-- What is owed back is money, no credits any more.
UPDATE credits_creditgrant AS g SET "left" = 0
FROM credits_refundowed AS r WHERE r.grant_id = g.id AND r.counted_at IS NOT NULL;
-- The table is changed in the same transaction.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
