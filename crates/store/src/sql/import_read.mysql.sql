-- Rows of the original's table behind a known one, oldest first; the table's name is replaced by the one asked for.
select cast(id as signed) as id, unique_id, method, params, type, state,
  content,
  creator,
  cast(created_date as char) as created_date,
  cast(modified_date as char) as modified_date
from admin_background_tasks
where id > :after
order by admin_background_tasks.id
limit :limit
