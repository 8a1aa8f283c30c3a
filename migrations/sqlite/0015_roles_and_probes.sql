-- What explains a consent: roles the vendor named at sign-in (JSON list; null: it names none at all), and when a probe
-- was last ok, which tells a role that lapsed from one that was never there.

ALTER TABLE grants ADD COLUMN roles TEXT;
ALTER TABLE probes ADD COLUMN ok_at INTEGER;
