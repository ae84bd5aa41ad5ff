/**
 * The server's settings, given on its command line so that the cluster's own files stay as `initdb`
 * wrote them. Durable (an answered prediction is a charged one), and modest in memory: the models next
 * door need it more.
 */
export function serverSettings(port: number): string[] {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    shared_buffers: '128MB',
    effective_cache_size: '512MB',
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    max_wal_size: '512MB',
    min_wal_size: '80MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_worker_processes: 4,
    max_parallel_workers: 2,
    // A second's charges are written to one table and leave it again, all day: it should stay as small as a few seconds.
    autovacuum_naptime: '10s',
    // Plans are small; compiling them costs more than it saves.
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '%p ',
    // The text of a failing statement can carry what a user typed.
    log_min_error_statement: 'panic',
    log_parameter_max_length_on_error: 0,
    log_checkpoints: 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
