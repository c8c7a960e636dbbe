-- The database's clock.
select {now} as now_us
