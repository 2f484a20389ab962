#include "eventbus/sqlite/data_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace eventbus::sqlite {
namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string owner(int lock) {
  std::array<char, 32> text{};
  const auto length = pread(lock, text.data(), text.size() - 1, 0);
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string("unknown");
}

void note_owner(int lock, const std::filesystem::path& path) {
  const auto pid = std::to_string(getpid());
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    throw std::runtime_error(fmt::format(
        "can't write to the data directory {}: {}. Free some disk space or choose another one with EVENTBUS_DATA_DIR.",
        path.string(), reason(errno)));
  }
}

/// A new directory outlives a power failure only once the directory that lists it is on disk.
void flush_parent(const std::filesystem::path& path) {
  const int parent = open(std::filesystem::absolute(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return;
  fsync(parent);
  close(parent);
}

}  // namespace

DataDirectory::DataDirectory(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (std::filesystem::create_directories(path_, error)) flush_parent(path_);
  const auto lock_file = file("lock");
  lock_ = error ? -1 : open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    throw std::runtime_error(fmt::format(
        "can't use the data directory {}: {}. Check its permissions or choose another one with EVENTBUS_DATA_DIR.",
        path_.string(), error ? error.message() : reason(errno)));
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = owner(lock_);
    close(lock_);
    throw std::runtime_error(
        fmt::format("the data directory {} is in use by process {}. Stop that process, or choose another directory "
                    "with EVENTBUS_DATA_DIR.",
                    path_.string(), holder));
  }
  note_owner(lock_, path_);
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace eventbus::sqlite
