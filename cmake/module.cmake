# trunkline_module(NAME SOURCES … [LINK …] [PRIVATE_LINK …]): the library of one folder under src/.
# A header is included as "folder/file.h", and only a target that links the folder can see it: an include against the
# arrows of docs/architecture.md does not build. The include root holds one link, to that folder.
function(trunkline_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include-roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${name} SYMBOLIC)
  add_library(trunkline_${name} STATIC ${ARG_SOURCES})
  target_include_directories(trunkline_${name} PUBLIC ${root})
  target_link_libraries(trunkline_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
