-- Version 1002: checkpoints, result files, attempts and logs on SQLite. Tables only grow: workers of 1001 go on beside.

alter table mission_tasks add column checkpoint text null;
alter table mission_tasks add column checkpoint_done integer null;
alter table mission_tasks add column checkpoint_files text null;
alter table mission_tasks add column resumed integer not null default 0;
alter table mission_tasks add column redone integer not null default 0;
alter table mission_tasks add column active_ms integer not null default 0;
alter table mission_tasks add column keep_files_ms integer null;

alter table mission_workers add column hint_address text null;

create table if not exists mission_artifacts (
  id integer primary key autoincrement,
  task_id integer not null,
  name text not null,
  media_type text not null,
  bytes integer not null,
  sha256 text not null,
  row_count integer null,
  storage text not null,
  location text not null,
  created_date integer not null default (cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000),
  expires_date integer null,
  expired integer not null default 0
);

create unique index if not exists mission_artifacts_name on mission_artifacts (task_id, name);
create index if not exists mission_artifacts_expiry on mission_artifacts (expired, expires_date);
create index if not exists mission_artifacts_storage on mission_artifacts (storage, id);

create table if not exists mission_attempts (
  task_id integer not null,
  lease_token integer not null,
  attempt integer not null,
  worker_id integer not null,
  worker text not null,
  started_date integer not null,
  ended_date integer not null,
  outcome text not null,
  content text null,
  primary key (task_id, lease_token)
);

create table if not exists mission_logs (
  task_id integer not null,
  line_no integer not null,
  logged_date integer not null,
  level text not null,
  message text not null,
  primary key (task_id, line_no)
);

create table if not exists mission_settings (
  name text not null primary key,
  setting text not null
);

insert or ignore into mission_settings (name, setting)
values ('database_id', lower(hex(randomblob(8))));
