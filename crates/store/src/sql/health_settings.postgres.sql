-- What the server says about itself, under the names that the other servers' lists have.
select name as "Variable_name", setting as "Value"
from pg_settings
where name in (
  'server_version', 'server_version_num', 'synchronous_commit', 'fsync', 'full_page_writes', 'default_transaction_read_only',
  'default_transaction_isolation', 'synchronous_standby_names')
union all
select 'in_recovery', case when pg_is_in_recovery() then 'on' else 'off' end
union all
select 'standbys_in_step', cast(count(*) as text)
from pg_stat_replication
where sync_state in ('sync', 'quorum')
