# Compiler settings that every target shares.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

set(OXBOW_SANITIZE "" CACHE STRING "address, thread, ... : passed to -fsanitize=")
if(OXBOW_SANITIZE)
  add_compile_options(-fsanitize=${OXBOW_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OXBOW_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers)

# oxbow_layer(name SOURCES... USES targets...): a folder's static library, which
# sees the public headers, src/, and what it says it uses.
function(oxbow_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(oxbow_${name} STATIC ${ARG_SOURCES})
  target_include_directories(oxbow_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                                  ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(oxbow_${name} PUBLIC ${ARG_USES})
endfunction()
