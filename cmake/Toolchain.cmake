# Compiler warnings, sanitizers, linker and compiler cache: what every target is built with.

find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout count as relative, so that clones and worktrees share what one of them compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror=return-type -Werror=unused-result)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # In a unity build every source is an included file, whose anonymous namespace gcc takes for that of a header.
  add_compile_options(-Wno-subobject-linkage)
  # gcc 12 warns of uninitialised and dangling memory inside libstdc++ and Boost coroutine frames.
  add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict -Wno-mismatched-new-delete)
endif()

find_program(MOLD mold)
if(MOLD AND NOT EVENTBUS_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()

if(EVENTBUS_SANITIZE)
  add_compile_options(-fsanitize=${EVENTBUS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EVENTBUS_SANITIZE})
  if(EVENTBUS_SANITIZE MATCHES undefined)
    # These look at every access by pointer and take half of the compiler's time; what they find, the address sanitizer finds where it harms.
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  endif()
  if(EVENTBUS_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost 1.81's std_fenced_block uses a fence that gcc cannot instrument.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(EVENTBUS_FUZZ)
  # Everything is instrumented; only the targets in fuzz/ link libFuzzer's main.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
