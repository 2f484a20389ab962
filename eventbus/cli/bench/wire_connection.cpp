#include "eventbus/cli/bench/wire_connection.hpp"

#include <boost/asio/write.hpp>

namespace eventbus::cli {

void WireConnection::send(std::string request, Answered answered) {
  request_ = std::move(request);
  answered_ = std::move(answered);
  if (socket_.is_open()) {
    write();
    return;
  }
  socket_.async_connect(server_, [this](const boost::system::error_code& error) {
    if (error) {
      lost(error);
      return;
    }
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    write();
  });
}

void WireConnection::close() {
  answered_ = nullptr;
  boost::system::error_code ignored;
  socket_.close(ignored);
  received_.clear();
}

void WireConnection::write() {
  asio::async_write(socket_, asio::buffer(request_), [this](const boost::system::error_code& error, std::size_t) {
    if (error) {
      lost(error);
    } else {
      read();
    }
  });
}

void WireConnection::read() {
  socket_.async_read_some(asio::buffer(part_), [this](const boost::system::error_code& error, std::size_t size) {
    if (error) {
      lost(error);
      return;
    }
    received_.append(part_.data(), size);
    const auto answer = read_answer(received_);
    if (!answer) {
      read();
      return;
    }
    const std::string whole = std::exchange(received_, {});
    const auto answered = std::exchange(answered_, nullptr);
    if (answer->closes) close();
    if (answered)
      answered(answer->status, std::string_view(whole).substr(answer->size - answer->body.size(), answer->body.size()));
  });
}

void WireConnection::lost(const boost::system::error_code& error) {
  if (error == asio::error::operation_aborted) return;
  const auto answered = std::exchange(answered_, nullptr);
  close();
  if (answered) answered(0, error.message());
}

}  // namespace eventbus::cli
