function serverSettings(port) {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 60,
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    shared_buffers: "128MB",
    effective_cache_size: "512MB",
    work_mem: "8MB",
    maintenance_work_mem: "64MB",
    max_wal_size: "512MB",
    min_wal_size: "80MB",
    wal_level: "minimal",
    max_wal_senders: 0,
    max_worker_processes: 4,
    max_parallel_workers: 2,
    // Plans are small; compiling them costs more than it saves.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_destination: "stderr",
    logging_collector: "off",
    log_line_prefix: "%p ",
    // The text of a failing statement can carry what a user typed.
    log_min_error_statement: "panic",
    log_parameter_max_length_on_error: 0,
    log_checkpoints: "off"
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
export {
  serverSettings
};
//# sourceMappingURL=embedded-settings.js.map
