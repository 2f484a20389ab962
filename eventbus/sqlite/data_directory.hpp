#pragma once

#include <filesystem>

namespace eventbus::sqlite {

/// A directory that one process at a time owns. The constructor makes it if missing and takes the lock file (`lock`,
/// which holds the owner's pid); throws std::runtime_error with a remedy when another process has it or it can't be
/// written. The lock goes with the process, however that ends.
class DataDirectory {
 public:
  explicit DataDirectory(std::filesystem::path path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  std::filesystem::path file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace eventbus::sqlite
