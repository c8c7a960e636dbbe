-- Takes the index of random ids away while rows are made by the million: each would fetch a page of it.
drop index mission_tasks_unique_id
