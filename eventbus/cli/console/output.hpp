#pragma once

#include <streambuf>
#include <string>
#include <system_error>

namespace eventbus::cli {

/// What a command printed can't be written: a full disk, a reader that went away.
class OutputLost : public std::system_error {
 public:
  explicit OutputLost(int error);
  /// The reader of a pipe has all it wanted, as in `eventbus events list --all | head`: nothing to tell it.
  bool reader_gone() const { return code() == std::errc::broken_pipe; }
};

/// Writes to a descriptor through a buffer, and throws OutputLost where that fails; a stream on it lets that pass when
/// its `exceptions` hold `badbit`. Blocks while the reader is slow, also on a descriptor that does not.
class OutputBuffer final : public std::streambuf {
 public:
  explicit OutputBuffer(int descriptor);

 protected:
  int_type overflow(int_type next) override;
  int sync() override;

 private:
  void write();

  int descriptor_;
  std::string buffer_;
};

/// Opens what is closed of standard input, output and error, so that no file or socket takes its number: reading finds
/// an end, writing fails.
void hold_standard_descriptors();

}  // namespace eventbus::cli
