#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "eventbus/core/error.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// A store of the service with all it stands on. For one event loop: made, used and destroyed there.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;
  /// Brings the tables up to date. Throws `Unavailable`.
  virtual asio::awaitable<void> open() = 0;
  virtual EventStore& store() = 0;
};

using MakeBackend = std::function<Result<std::unique_ptr<StoreBackend>>(asio::any_io_executor)>;

MakeBackend postgres_backend(std::string url, std::size_t connections);
MakeBackend sqlite_backend(std::filesystem::path directory);

}  // namespace eventbus
