-- Those of the rows that nobody else holds, held from now on by this transaction.
select task.id
from {batch: id int}
join mission_tasks task on task.id = batch.id
for update of task skip locked
