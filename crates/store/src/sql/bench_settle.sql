-- A thousand known tasks ended: what the fastest settlement could cost.
update mission_tasks
set state = 'success', content = 'as many bytes as the answer of a usual method has: about sixty', worker_id = 0, modified_date = {now}
where id between :first and :last
