-- Version 1003: fair types, whose creators take turns, on SQLite. Tables only grow: workers of 1002 go on beside.

alter table mission_types add column fair integer not null default 0;
