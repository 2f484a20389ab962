#include "eventbus/telemetry/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace eventbus {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(entries), end(entries)));
}

double descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void register_process_metrics(MetricRegistry& registry) {
  auto& cpu = registry.counter("process_cpu_seconds_total", "User and system CPU time spent in seconds.");
  auto& resident = registry.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  auto& descriptors = registry.gauge("process_open_fds", "Number of open file descriptors.");
  registry.gauge("process_max_fds", "Maximum number of open file descriptors.").set(descriptor_limit());
  registry.gauge("process_start_time_seconds", "Start time of the process since the Unix epoch in seconds.")
      .set(unix_now());
  registry.before_scrape([&cpu, &resident, &descriptors, counted = 0.0]() mutable {
    const double spent = cpu_seconds();
    cpu.add(spent - counted);
    counted = spent;
    resident.set(resident_bytes());
    descriptors.set(open_descriptors());
  });
}

}  // namespace eventbus
