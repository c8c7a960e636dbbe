-- What the server says about itself, under the names that the other servers' lists have.
select name as "Variable_name", setting as "Value"
from pg_settings
where name in (
  'server_version', 'server_version_num', 'synchronous_commit', 'fsync', 'full_page_writes', 'default_transaction_read_only')
union all
select 'in_recovery', case when pg_is_in_recovery() then 'on' else 'off' end
