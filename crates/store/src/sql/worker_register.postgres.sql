-- Puts a worker on the list with its first lease.
insert into mission_workers (name, host, process, pid, pid_started, concurrency, types, version, lease_until, hint_address)
values (:name, :host, :process, :pid, :pid_started, :concurrency, :types, :version, {now} + :lease_us, :hint_address)
returning id
