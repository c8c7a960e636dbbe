-- Rows from the table's old end, with what decides whether they are kept; younger rows cannot be due.
select id, state, modified_date
from mission_tasks
where id > :after
  and created_date <= {now} - :retention_us
order by id
limit :limit
