-- Which versions of the tables have been reached.
create table if not exists mission_migrations (
  version bigint not null primary key,
  applied_date bigint not null default (extract(epoch from statement_timestamp()) * 1000000)::bigint
);
