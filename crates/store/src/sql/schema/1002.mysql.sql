-- Version 1002: checkpoints, result files, attempts and logs on MySQL and MariaDB. Tables only grow: workers of 1001 go on
-- beside. One atomic statement adds the columns, and only where they are missing: MySQL knows no "if not exists" for them.

set @mission_change = (
  select if(count(*) > 0, 'do 0', 'alter table mission_tasks
    add column checkpoint longtext null,
    add column checkpoint_done bigint null,
    add column checkpoint_files longtext null,
    add column resumed bigint not null default 0,
    add column redone bigint not null default 0,
    add column active_ms bigint not null default 0,
    add column keep_files_ms bigint null')
  from information_schema.columns
  where table_schema = database()
    and table_name = 'mission_tasks'
    and column_name = 'checkpoint');
prepare mission_change from @mission_change;
execute mission_change;
deallocate prepare mission_change;

-- On Galera an index key that is null in part counts as one key for all its rows, so that under (method, active_key) every
-- two writes about tasks of one method collided. Both columns of this one are null where no key is active.
set @mission_change = (
  select if(count(*) > 0, 'do 0', 'alter table mission_tasks
    add column active_method varchar(191) generated always as (case when active_key is not null then method end) virtual,
    add unique key mission_tasks_active_key (active_key, active_method),
    drop key mission_tasks_active')
  from information_schema.columns
  where table_schema = database()
    and table_name = 'mission_tasks'
    and column_name = 'active_method');
prepare mission_change from @mission_change;
execute mission_change;
deallocate prepare mission_change;

set @mission_change = (
  select if(count(*) > 0, 'do 0', 'alter table mission_workers add column hint_address varchar(191) null')
  from information_schema.columns
  where table_schema = database()
    and table_name = 'mission_workers'
    and column_name = 'hint_address');
prepare mission_change from @mission_change;
execute mission_change;
deallocate prepare mission_change;

create table if not exists mission_artifacts (
  id bigint not null auto_increment primary key,
  task_id bigint not null,
  name varchar(255) not null,
  media_type varchar(127) not null,
  bytes bigint not null,
  sha256 varchar(64) not null,
  row_count bigint null,
  storage varchar(255) not null,
  location varchar(255) not null,
  created_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  expires_date bigint null,
  expired smallint not null default 0,
  unique key mission_artifacts_name (task_id, name),
  key mission_artifacts_expiry (expired, expires_date),
  key mission_artifacts_storage (storage, id)
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_attempts (
  task_id bigint not null,
  lease_token bigint not null,
  attempt bigint not null,
  worker_id bigint not null,
  worker varchar(191) not null,
  started_date bigint not null,
  ended_date bigint not null,
  outcome varchar(32) not null,
  content longtext null,
  primary key (task_id, lease_token)
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_logs (
  task_id bigint not null,
  line_no bigint not null,
  logged_date bigint not null,
  level varchar(8) not null,
  message text not null,
  primary key (task_id, line_no)
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_settings (
  name varchar(64) not null primary key,
  setting varchar(255) not null
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

insert ignore into mission_settings (name, setting)
values ('database_id', left(sha2(concat(uuid(), rand()), 256), 16));
