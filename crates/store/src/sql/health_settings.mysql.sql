-- What the server says about itself; a name it does not know is left out.
show global variables
where variable_name in (
  'version', 'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'binlog_format', 'transaction_isolation',
  'tx_isolation', 'max_allowed_packet', 'sql_mode', 'read_only', 'super_read_only', 'wsrep_on',
  'innodb_doublewrite', 'rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled')
