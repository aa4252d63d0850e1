# What `cmake --install` puts in place, and where the host looks for it.
#
#   BINDIR/weir                         the host
#   LIBDIR/weir/plugins/NAME.so         the plugins
#   INCLUDEDIR/weir/plugin.h            the header of plugin authors
#   LIBDIR/pkgconfig/weir.pc            for authors with make: cc $(pkg-config --cflags weir) …
#   LIBDIR/cmake/weir/                  for authors with CMake: find_package(weir), weir_add_plugin(name source…)
#   DOCDIR/conf.d/                      the shipped configuration, as an example: an operator's own is never touched
#   MANDIR/man1/weir.1
#
# The tree can be moved (--prefix, a tarball, a container): the host finds its plugins from its own path,
# /proc/self/exe: first plugins/ beside it (that is build/), then WEIR_PLUGIN_DIR_FROM_EXE, the way from BINDIR to
# the plugins, for example ../lib/x86_64-linux-gnu/weir/plugins. weir.pc and the CMake package reckon from their
# own place as well.
set(weir_libdir ${CMAKE_INSTALL_LIBDIR}/weir)
file(RELATIVE_PATH weir_plugins_from_exe /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${weir_libdir}/plugins)
file(RELATIVE_PATH weir_prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" weir_prefix_from_pc ${weir_prefix_from_pc})

foreach(target IN ITEMS weir weir_chain weir_kafka weir_supervise weir_serve weir_cli)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL INTERFACE_LIBRARY)
        target_compile_definitions(${target} PRIVATE WEIR_PLUGIN_DIR_FROM_EXE="${weir_plugins_from_exe}")
    endif()
endforeach()

# All that an operator runs, without the tests: ./run demo builds this.
add_custom_target(product DEPENDS weir ${plugin_targets})

install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(plugin_targets)
    install(TARGETS ${plugin_targets} LIBRARY DESTINATION ${weir_libdir}/plugins)
endif()
install(FILES ${CMAKE_SOURCE_DIR}/include/weir/plugin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weir)

configure_file(${CMAKE_SOURCE_DIR}/cmake/weir.pc.in ${CMAKE_BINARY_DIR}/cmake/weir.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cmake/weir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
set(weir_include_dir ${CMAKE_INSTALL_INCLUDEDIR})
set(weir_plugin_dir ${weir_libdir}/plugins)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/weir-config.cmake.in ${CMAKE_BINARY_DIR}/cmake/weir-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir
    PATH_VARS weir_include_dir weir_plugin_dir)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/weir-config-version.cmake
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/cmake/weir-config.cmake ${CMAKE_BINARY_DIR}/cmake/weir-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/conf.d DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL FILES_MATCHING PATTERN "*.conf")
install(FILES ${CMAKE_SOURCE_DIR}/docs/weir.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
