-- The index of ids again, as the tables are made with it, and as full as random ids fill its pages.
create unique index mission_tasks_unique_id on mission_tasks (unique_id) with (fillfactor = 70)
