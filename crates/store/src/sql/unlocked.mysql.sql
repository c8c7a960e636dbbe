-- Those of the rows that nobody else holds, held from now on by this transaction. MySQL wants to be told that the batch is
-- not to be locked, in words that MariaDB does not know; MariaDB takes them for a comment.
select task.id
from {batch: id int}
straight_join mission_tasks task force index (primary) on task.id = batch.id
for update /*!80000 of task */ skip locked
