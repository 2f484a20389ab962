#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace eventbus::cli {

/// A file or standard input, plain or gzip (recognised by its first bytes), read in parts as they come.
class InputFile {
 public:
  /// "-" is standard input. Throws CommandFailed naming the path when it can't be opened.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// The next bytes, unpacked; empty at the end. Blocks. Throws CommandFailed when reading or unpacking fails.
  std::string read();
  /// How much of the file was read, 0 to 1; negative where its size is unknown.
  double fraction() const;

 private:
  struct Inflater;
  std::string read_raw();
  std::string inflate(std::string packed);

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t consumed_ = 0;
  bool begun_ = false;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace eventbus::cli
