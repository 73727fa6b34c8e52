# What the core is built on, as targets: dep_uv, dep_crypto, dep_ssl, dep_sqlite, dep_boost.
# The addon uses Node's own exported libuv and OpenSSL (nothing is linked, the headers are Node's); the test build links the system's.

find_package(Boost 1.81 REQUIRED)
add_library(dep_boost INTERFACE)
target_include_directories(dep_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
# Header-only everywhere: each library's src.hpp stands in exactly one translation unit of ours.
target_compile_definitions(dep_boost INTERFACE
  BOOST_ALL_NO_LIB BOOST_JSON_NO_LIB BOOST_URL_NO_LIB BOOST_BEAST_SEPARATE_COMPILATION BOOST_ERROR_CODE_HEADER_ONLY)

find_package(Threads REQUIRED)
find_path(SQLITE_INCLUDE_DIR sqlite3.h REQUIRED)
add_library(dep_sqlite INTERFACE)
target_include_directories(dep_sqlite SYSTEM INTERFACE ${SQLITE_INCLUDE_DIR})

foreach(name uv crypto ssl)
  add_library(dep_${name} INTERFACE)
endforeach()

if(NODE_INCLUDE_DIR)
  find_library(SQLITE_LIBRARY NAMES libsqlite3.a REQUIRED)
  foreach(name uv crypto)
    target_include_directories(dep_${name} SYSTEM INTERFACE ${NODE_INCLUDE_DIR})
  endforeach()
else()
  find_library(SQLITE_LIBRARY NAMES libsqlite3.a sqlite3 REQUIRED)
  find_package(OpenSSL 3.0 REQUIRED)
  find_library(UV_LIBRARY NAMES uv REQUIRED)
  find_path(UV_INCLUDE_DIR uv.h REQUIRED)
  target_include_directories(dep_uv SYSTEM INTERFACE ${UV_INCLUDE_DIR})
  target_link_libraries(dep_uv INTERFACE ${UV_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS})
  target_link_libraries(dep_crypto INTERFACE OpenSSL::Crypto)
  target_link_libraries(dep_ssl INTERFACE OpenSSL::SSL)
endif()
target_link_libraries(dep_ssl INTERFACE dep_crypto)
target_link_libraries(dep_sqlite INTERFACE ${SQLITE_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)
