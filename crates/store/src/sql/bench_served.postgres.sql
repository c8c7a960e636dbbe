-- Transactions that the database has ended; a statement by itself is one.
select cast(xact_commit + xact_rollback as text) as value
from pg_stat_database
where datname = current_database()
