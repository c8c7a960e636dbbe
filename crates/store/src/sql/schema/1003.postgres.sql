-- Version 1003: fair types, whose creators take turns, on PostgreSQL. Tables only grow: workers of 1002 go on beside.

alter table mission_types add column if not exists fair smallint not null default 0;
