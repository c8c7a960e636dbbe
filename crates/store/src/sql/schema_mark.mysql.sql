-- Marks a version as reached.
insert ignore into mission_migrations (version)
values (:version)
