# What others install: one static library of all layers, the public headers, and the files by
# which CMake (find_package(oxbow)) and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Imported targets are seen in the folder that asks for them only.
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(LIBZSTD REQUIRED IMPORTED_TARGET libzstd)
find_package(BZip2 REQUIRED)
pkg_check_modules(LIBGCRYPT REQUIRED IMPORTED_TARGET libgcrypt)

set(OXBOW_LAYERS base async codec storage format graph jobs api)
set(layer_objects "")
foreach(layer ${OXBOW_LAYERS})
  list(APPEND layer_objects $<TARGET_OBJECTS:oxbow_${layer}>)
endforeach()

add_library(oxbow_library STATIC ${layer_objects})
set_target_properties(oxbow_library PROPERTIES OUTPUT_NAME oxbow EXPORT_NAME oxbow
                                               LINKER_LANGUAGE CXX)
target_compile_features(oxbow_library PUBLIC cxx_std_23)
target_include_directories(oxbow_library PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(oxbow_library PRIVATE
  PkgConfig::LIBURING PkgConfig::LIBDEFLATE PkgConfig::LIBZSTD PkgConfig::LIBGCRYPT BZip2::BZip2
  Threads::Threads)

install(TARGETS oxbow_library EXPORT oxbow-targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/oxbow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/oxbow)
install(EXPORT oxbow-targets NAMESPACE oxbow:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/oxbow-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/oxbow-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/oxbow-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/oxbow-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/oxbow-config-version.cmake
        DESTINATION ${package_dir})

configure_file(${CMAKE_CURRENT_LIST_DIR}/oxbow.pc.in ${CMAKE_CURRENT_BINARY_DIR}/oxbow.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/oxbow.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
