-- Rows from the table's old end, with what decides whether they are kept.
select id, state, created_date, modified_date
from mission_tasks
where id > :after
order by id
limit :limit
