-- Which versions of the tables have been reached.
create table if not exists mission_migrations (
  version bigint not null primary key,
  applied_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6)))
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;
