-- Which versions of the tables have been reached.
create table if not exists mission_migrations (
  version integer not null primary key,
  applied_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000)
);
