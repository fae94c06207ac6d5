UPDATE credits_creditgrant AS g SET "left" = r."left"
FROM credits_refundowed AS r WHERE r.grant_id = g.id AND r.counted_at IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
