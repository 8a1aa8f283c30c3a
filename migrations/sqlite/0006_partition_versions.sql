-- What the vendor calls the state of a partition's data (an entity tag): the same state is not retrieved twice.

-- The state last committed; none: the vendor has no name for it, or something else changed the partition since.
ALTER TABLE partitions ADD COLUMN version TEXT;
-- The state this run's requests name; empty: they name several, which is as good as none.
ALTER TABLE run_partitions ADD COLUMN version TEXT;
