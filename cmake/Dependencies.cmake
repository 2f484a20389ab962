# Third-party libraries: Debian 12 packages only (script/bootstrap installs them).

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(POSTGRES REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
if(EVENTBUS_TESTS)
  find_package(GTest REQUIRED)
endif()

# Asio and Beast are header-only; these keep them lean wherever they are included.
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX BOOST_BEAST_USE_STD_STRING_VIEW)

if(EVENTBUS_SANITIZE)
  # Their source is compiled once instead of in every file, which saves a fifth of the compiler's time. What users run keeps what it can inline.
  add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
  add_library(asio_and_beast STATIC ${CMAKE_SOURCE_DIR}/cmake/asio_and_beast.cpp)
  target_link_libraries(asio_and_beast PUBLIC Boost::headers Threads::Threads)
  link_libraries(asio_and_beast)
endif()
