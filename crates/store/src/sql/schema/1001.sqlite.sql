-- Version 1001: the tables of Mission on SQLite (works from 3.34, whatever library the client brings). Public contract: any client may INSERT into mission_tasks.

create table if not exists mission_tasks (
  id integer primary key autoincrement,
  unique_id text not null default (
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
      lower(hex(randomblob(8))),
    '0','g'),'1','h'),'2','i'),'3','j'),'4','k'),'5','l'),'6','m'),'7','n'),'8','o'),'9','p')),
  method text not null,
  params text null,
  type text not null default 'system',
  creator text null,
  priority integer not null default 0,
  state text not null default 'init',
  run_at integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  lane integer not null default 0,
  task_key text null,
  active_key text null,
  retries integer null,
  timeout_ms integer null,
  stall_timeout_ms integer null,
  attempt integer not null default 0,
  failures integer not null default 0,
  crashes integer not null default 0,
  lease_token integer not null default 0,
  worker_id integer not null default 0,
  cancel_requested integer not null default 0,
  progress_done integer null,
  progress_total integer null,
  progress_message text null,
  content text null,
  content_cut integer not null default 0,
  reason text null,
  created_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  modified_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  constraint mission_method_is_not_empty check (method <> ''),
  constraint mission_priority_is_minus_9_to_9 check (priority between -9 and 9),
  constraint mission_state_is_init_executing_success_fail_cancelled
    check (state in ('init', 'executing', 'success', 'fail', 'cancelled')),
  -- SQLite would take any text here, and such a task would never be due.
  constraint mission_executing_has_a_worker check (state <> 'executing' or worker_id > 0),
  constraint mission_run_at_is_microseconds check (typeof(run_at) = 'integer'),
  constraint mission_numbers_are_integers check (
    typeof(priority) = 'integer' and typeof(lane) = 'integer' and typeof(created_date) = 'integer'
    and typeof(modified_date) = 'integer' and typeof(retries) in ('integer', 'null')
    and typeof(timeout_ms) in ('integer', 'null') and typeof(stall_timeout_ms) in ('integer', 'null')),
  constraint mission_texts_are_text check (
    typeof(unique_id) = 'text' and typeof(method) = 'text' and typeof(type) = 'text'
    and typeof(params) in ('text', 'null') and typeof(creator) in ('text', 'null')
    and typeof(content) in ('text', 'null'))
);

create unique index if not exists mission_tasks_unique_id on mission_tasks (unique_id);
create unique index if not exists mission_tasks_active on mission_tasks (method, active_key) where active_key is not null;
create index if not exists mission_tasks_claim on mission_tasks (method, type, priority, lane, run_at, id) where state = 'init';
create index if not exists mission_tasks_worker on mission_tasks (worker_id) where worker_id > 0;
create index if not exists mission_tasks_ended_badly on mission_tasks (state, id) where state in ('fail', 'cancelled');
create index if not exists mission_tasks_creator on mission_tasks (creator, id) where creator is not null;

create table if not exists mission_workers (
  id integer primary key autoincrement,
  name text not null,
  host text not null,
  process text not null,
  pid integer not null,
  pid_started integer not null,
  concurrency integer not null,
  types text null,
  version text not null,
  leaving integer not null default 0,
  started_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  seen_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  lease_until integer not null
);

create table if not exists mission_worker_methods (
  worker_id integer not null,
  method text not null,
  primary key (worker_id, method)
);

create table if not exists mission_methods (
  method text not null primary key,
  pushes integer not null default 0,
  published_date integer null
);

create table if not exists mission_types (
  type text not null primary key,
  paused integer not null default 0,
  running_limit integer null
);

create view if not exists mission_records as
select unique_id, method, type, state, params, content, creator,
  strftime('%Y-%m-%d %H:%M:%S', created_date / 1000000, 'unixepoch') || printf('.%06d', created_date % 1000000) as created_date,
  strftime('%Y-%m-%d %H:%M:%S', modified_date / 1000000, 'unixepoch') || printf('.%06d', modified_date % 1000000) as modified_date
from mission_tasks;
