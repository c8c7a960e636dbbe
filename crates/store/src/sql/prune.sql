-- Removes ended tasks, each by its primary key.
delete from mission_tasks
where id in (select batch.id from {batch: id int})
  and state in ('success', 'fail', 'cancelled')
