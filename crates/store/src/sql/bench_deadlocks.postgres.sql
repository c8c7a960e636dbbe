-- Deadlocks that the database has met.
select cast(deadlocks as text) as value
from pg_stat_database
where datname = current_database()
