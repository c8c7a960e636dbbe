-- The same task if it waits or runs, by a locking read, which sees what was committed a moment ago under REPEATABLE READ, too. By its
-- number, because MariaDB locks the gap before a row that is looked up by another unique index.
select unique_id
from mission_tasks
where id = (
    select known.id
    from mission_tasks known
    where known.unique_id = :unique_id)
  and state in ('init', 'executing')
lock in share mode
