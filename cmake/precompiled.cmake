# The headers nearly every file includes, compiled once for the layers and once for the tests:
# about half of a file's time goes into reading them. Last in the list of folders, so that it
# sees every target.
option(OXBOW_PRECOMPILED "Precompile the standard headers" ON)
if(NOT OXBOW_PRECOMPILED)
  return()
endif()

set(STANDARD_HEADERS
  <algorithm> <array> <bit> <chrono> <coroutine> <cstdint> <cstring> <deque> <expected>
  <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector>)

# targets_below(VARIABLE FOLDER): every target that FOLDER and the folders in it define.
function(targets_below variable folder)
  get_property(found DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(children DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(child ${children})
    targets_below(more ${child})
    list(APPEND found ${more})
  endforeach()
  set(${variable} ${found} PARENT_SCOPE)
endfunction()

# A header compiled for a library fits no executable (-fPIC, -fPIE), so each kind has a first
# target that compiles it for the others.
targets_below(all_targets ${PROJECT_SOURCE_DIR})
foreach(target ${all_targets})
  get_target_property(kind ${target} TYPE)
  get_target_property(sources ${target} SOURCES)
  if(NOT kind MATCHES "STATIC_LIBRARY|EXECUTABLE" OR NOT sources MATCHES "\\.cc")
    continue()
  endif()
  set(headers ${STANDARD_HEADERS})
  get_target_property(libraries ${target} LINK_LIBRARIES)
  if(libraries MATCHES "[Gg][Tt]est")
    set(kind TESTS)
    list(APPEND headers <gtest/gtest.h>)
  endif()
  # ccache may use a precompiled header only if it sees which one was read (GCC), and if it is
  # the same whenever it was compiled (Clang).
  target_compile_options(${target} PRIVATE
    $<IF:$<CXX_COMPILER_ID:GNU>,-fpch-preprocess,SHELL:-Xclang -fno-pch-timestamp>)
  if(DEFINED first_${kind})
    target_precompile_headers(${target} REUSE_FROM ${first_${kind}})
  else()
    target_precompile_headers(${target} PRIVATE ${headers})
    set(first_${kind} ${target})
  endif()
endforeach()
