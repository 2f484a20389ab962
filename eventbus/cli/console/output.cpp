#include "eventbus/cli/console/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace eventbus::cli {
namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10U;

bool may_be_written_later(int descriptor) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
  poll(&waiting, 1, -1);
  return true;
}

}  // namespace

OutputLost::OutputLost(int error) : std::system_error(error, std::generic_category(), "can't write the output") {}

OutputBuffer::OutputBuffer(int descriptor) : descriptor_(descriptor), buffer_(buffer_size, '\0') {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

OutputBuffer::int_type OutputBuffer::overflow(int_type next) {
  write();
  if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
  return traits_type::not_eof(next);
}

int OutputBuffer::sync() {
  write();
  return 0;
}

void OutputBuffer::write() {
  std::string_view left(pbase(), static_cast<std::size_t>(pptr() - pbase()));
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  while (!left.empty()) {
    const auto written = ::write(descriptor_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (!may_be_written_later(descriptor_)) {
      throw OutputLost(errno);
    }
  }
}

void hold_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest free number is taken, which is this one.
    if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != descriptor) _exit(1);
  }
}

}  // namespace eventbus::cli
