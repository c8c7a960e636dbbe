-- Keeps other migrations of this database away as long as the connection lasts; names of locks are the whole server's.
select get_lock(concat('mission_', left(sha2(database(), 256), 32)), 60) as got
