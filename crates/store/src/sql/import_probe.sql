-- Whether the original's table has a column; the names are replaced by those that are asked for.
select probed
from admin_background_tasks
where 1 = 0
