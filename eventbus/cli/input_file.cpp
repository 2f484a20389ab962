#include "eventbus/cli/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {
namespace {

constexpr std::size_t part_size = std::size_t{64} << 10U;
constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr int gzip_window_bits = 15 + 16;

}  // namespace

struct InputFile::Inflater {
  z_stream stream{};
  bool ended = false;  ///< Between two members of the file.
  Inflater() {
    if (inflateInit2(&stream, gzip_window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  descriptor_ = path_ == "-" ? dup(STDIN_FILENO) : open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info{};
  if (descriptor_ < 0 || fstat(descriptor_, &info) != 0 || S_ISDIR(info.st_mode)) {
    const auto* reason = descriptor_ >= 0 && S_ISDIR(info.st_mode) ? "it is a directory" : std::strerror(errno);
    throw CommandFailed(ExitCode::usage, fmt::format("can't read {}: {}", path_, reason));
  }
  if (S_ISREG(info.st_mode)) size_ = static_cast<std::uint64_t>(info.st_size);
}

InputFile::~InputFile() {
  close(descriptor_);
}

double InputFile::fraction() const {
  return size_ == 0 ? -1 : static_cast<double>(consumed_) / static_cast<double>(size_);
}

std::string InputFile::read_raw() {
  std::string part(part_size, '\0');
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, part.data(), part.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw CommandFailed(ExitCode::failed, fmt::format("can't read {}: {}", path_, std::strerror(errno)));
  part.resize(static_cast<std::size_t>(got));
  consumed_ += part.size();
  return part;
}

std::string InputFile::read() {
  while (true) {
    auto part = read_raw();
    if (!std::exchange(begun_, true) && part.starts_with(gzip_magic)) inflater_ = std::make_unique<Inflater>();
    if (!inflater_) return part;
    if (part.empty()) {
      if (!inflater_->ended) throw CommandFailed(ExitCode::failed, path_ + " is damaged: the gzip data ends too early");
      return part;
    }
    auto unpacked = inflate(std::move(part));
    if (!unpacked.empty()) return unpacked;
  }
}

std::string InputFile::inflate(std::string packed) {
  auto& stream = inflater_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string unpacked;
  std::string part(part_size, '\0');
  do {
    if (inflater_->ended && stream.avail_in > 0) {
      inflateReset(&stream);
      inflater_->ended = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      throw CommandFailed(ExitCode::failed, path_ + " is damaged: its gzip data can't be unpacked");
    }
    unpacked.append(part, 0, part.size() - stream.avail_out);
    inflater_->ended = result == Z_STREAM_END;
  } while (stream.avail_in > 0 || stream.avail_out == 0);
  return unpacked;
}

}  // namespace eventbus::cli
