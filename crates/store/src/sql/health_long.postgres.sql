-- Transactions on this database that have been open for longer than five minutes.
select count(*) as transactions,
  cast(coalesce(max(extract(epoch from now() - xact_start)), 0) as bigint) as longest_s
from pg_stat_activity
where datname = current_database()
  and xact_start < now() - interval '5 minutes'
