-- Version 1001: the tables of Mission on MySQL and MariaDB. Public contract: any client may INSERT into mission_tasks.

create table if not exists mission_tasks (
  id bigint not null auto_increment primary key,
  unique_id varchar(64) not null default (
    -- random_bytes() is missing before MariaDB 10.10; hashing uuid() differs per row on every version.
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
      left(sha2(concat(uuid(), rand()), 256), 16),
    '0','g'),'1','h'),'2','i'),'3','j'),'4','k'),'5','l'),'6','m'),'7','n'),'8','o'),'9','p')),
  method varchar(191) not null,
  params longtext null,
  type varchar(64) not null default 'system',
  creator varchar(191) null,
  priority smallint not null default 0,
  state enum('init', 'executing', 'success', 'fail', 'cancelled') not null default 'init',
  run_at bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  lane smallint not null default 0,
  task_key varchar(191) null,
  active_key varchar(191) null,
  retries bigint null,
  timeout_ms bigint null,
  stall_timeout_ms bigint null,
  attempt bigint not null default 0,
  failures bigint not null default 0,
  crashes bigint not null default 0,
  lease_token bigint not null default 0,
  worker_id bigint not null default 0,
  cancel_requested smallint not null default 0,
  progress_done bigint null,
  progress_total bigint null,
  progress_message text null,
  content longtext null,
  content_cut smallint not null default 0,
  reason varchar(32) null,
  created_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  modified_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  constraint mission_method_is_not_empty check (method <> ''),
  constraint mission_executing_has_a_worker check (state <> 'executing' or worker_id > 0),
  constraint mission_priority_is_minus_9_to_9 check (priority between -9 and 9),
  constraint mission_state_is_init_executing_success_fail_cancelled
    check (state in ('init', 'executing', 'success', 'fail', 'cancelled')),
  unique key mission_tasks_unique_id (unique_id),
  unique key mission_tasks_active (method, active_key),
  key mission_tasks_claim (state, method, type, priority, lane, run_at),
  key mission_tasks_creator (creator, id)
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_workers (
  id bigint not null auto_increment primary key,
  name varchar(191) not null,
  host varchar(191) not null,
  process varchar(191) not null,
  pid bigint not null,
  pid_started bigint not null,
  concurrency bigint not null,
  types longtext null,
  version varchar(32) not null,
  leaving smallint not null default 0,
  started_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  seen_date bigint not null default (timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))),
  lease_until bigint not null
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_worker_methods (
  worker_id bigint not null,
  method varchar(191) not null,
  primary key (worker_id, method)
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_methods (
  method varchar(191) not null primary key,
  pushes bigint not null default 0,
  published_date bigint null
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create table if not exists mission_types (
  type varchar(64) not null primary key,
  paused smallint not null default 0,
  running_limit bigint null
) engine=innodb default charset=utf8mb4 collate=utf8mb4_bin;

create or replace view mission_records as
select unique_id, method, type, state, params, content, creator,
  cast(timestamp '1970-01-01 00:00:00' + interval created_date microsecond as char(26)) as created_date,
  cast(timestamp '1970-01-01 00:00:00' + interval modified_date microsecond as char(26)) as modified_date
from mission_tasks;
