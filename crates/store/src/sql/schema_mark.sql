-- Marks a version as reached.
insert into mission_migrations (version)
values (:version)
on conflict do nothing
