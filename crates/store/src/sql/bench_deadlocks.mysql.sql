-- Deadlocks that the server has met since it was started, of all clients.
select cast(count as char) as value
from information_schema.innodb_metrics
where name = 'lock_deadlocks'
