# eventbus_module(<name> DEPS <modules...> LINKS <third-party targets...> [TEST_DEPS <modules...>] [COST <seconds>])
#
# Declares the module of the current folder: a static library of its *.cpp, linked with nothing but its DEPS, and one
# test program of its *_test.cpp. The `house` test compares every #include with these DEPS. COST is about how long the
# test program runs: the longest begin first.
function(eventbus_module name)
  cmake_parse_arguments(ARG "" "COST" "DEPS;LINKS;TEST_DEPS" ${ARGN})
  set(for_tests -O0 -g0)  # they are compiled once and run once: what counts is the compiler's time
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  list(TRANSFORM ARG_DEPS PREPEND eventbus_ OUTPUT_VARIABLE deps)
  list(TRANSFORM ARG_TEST_DEPS PREPEND eventbus_ OUTPUT_VARIABLE test_deps)

  if(sources)
    add_library(eventbus_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(eventbus_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(eventbus_${name} ${scope} ${CMAKE_SOURCE_DIR})
  target_link_libraries(eventbus_${name} ${scope} ${deps} ${ARG_LINKS} Threads::Threads)
  if(sources AND name MATCHES "(testing|conformance)$")
    target_compile_options(eventbus_${name} PRIVATE ${for_tests})
  endif()

  if(EVENTBUS_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_compile_options(${name}_test PRIVATE ${for_tests})
    # Module `testing` has main() and the watchdog in it.
    target_link_libraries(${name}_test PRIVATE eventbus_${name} ${test_deps} eventbus_testing GTest::gmock GTest::gtest)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 1800)
    if(ARG_COST)
      set_tests_properties(${name} PROPERTIES COST ${ARG_COST})
    endif()
  endif()
endfunction()
