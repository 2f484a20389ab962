// The source of Boost.Asio and Boost.Beast, for builds that compile it apart: see Dependencies.cmake.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
