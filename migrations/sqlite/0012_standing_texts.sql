-- Own words that count: the newest of a product and locale, unless it took them back.
CREATE VIEW standing_own_texts AS
SELECT t.account, t.key, t.locale, t.name, t.category, t.unit, t.changed_by, t.changed_at
FROM own_texts AS t
WHERE t.name IS NOT NULL
  AND t.id = (SELECT MAX(n.id) FROM own_texts AS n
              WHERE n.account = t.account AND n.key = t.key AND n.locale = t.locale);
