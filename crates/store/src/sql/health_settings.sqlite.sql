-- What SQLite says about itself and about this connection, under the names that the servers' lists have.
select 'version' as "Variable_name", sqlite_version() as "Value"
union all
select 'journal_mode', journal_mode
from pragma_journal_mode
union all
select 'synchronous', cast(synchronous as text)
from pragma_synchronous
