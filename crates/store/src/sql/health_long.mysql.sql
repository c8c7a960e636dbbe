-- Transactions that have been open for longer than five minutes; the user may lack the right to see them.
select count(*) as transactions,
  coalesce(max(timestampdiff(second, trx_started, now())), 0) as longest_s
from information_schema.innodb_trx
where trx_started < now() - interval 5 minute
